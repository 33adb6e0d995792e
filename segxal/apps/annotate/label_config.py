"""What Label Studio shows: two views of the image, a brush and polygons in the data set's classes and colours."""

from xml.sax.saxutils import quoteattr

from segxal.core.errors import ConfigError
from segxal.core.labels import Classes

UNDECIDED = "void"  # the label for what nobody can tell: looked at, paid for, not trained on
BRUSH, POLYGON, IMAGE = "brush", "polygon", "image"  # names of the tags; the regions of an answer repeat them
BLACK = (0, 0, 0)
KEYS = "123456789qwertyuiopasdfghjklzxcvbnm"  # one per label as far as they go
RULE = (
    "Correct the coloured objects, and everything inside the white outline of the heat map: paint with the brush or "
    "draw polygons. The topmost paint counts. Use void for what you cannot tell; leave the rest unpainted."
)

FIRST_RULE = (
    "Label the whole picture, pixel by pixel: paint with the brush or draw polygons; the topmost paint counts. "
    "Use void for what you cannot tell."
)


def label_config(classes: Classes, rule: str = RULE) -> str:
    """The labelling interface of a project, as XML.

    Args:
        classes: the classes of the data set.
        rule: what people read above the image.

    Raises:
        ConfigError: if a class has the name of the label for undecided pixels.
    """
    if UNDECIDED in classes.names:
        raise ConfigError(
            f"a class is called {UNDECIDED!r}, the name people choose for undecided pixels; rename the class"
        )
    return f"""<View>
  <Header value={quoteattr(rule)} size="6"/>
  <View style="display: flex; gap: 8px">
    <View style="flex: 1 1 64%; min-width: 0">
      <Image name="{IMAGE}" value="$image" zoom="true" zoomControl="true" brightnessControl="true"/>
    </View>
    <View style="flex: 1 1 36%; min-width: 0">
      <Image name="eem" value="$eem"/>
    </View>
  </View>
  <Header value="Brush" size="6"/>
  <BrushLabels name="{BRUSH}" toName="{IMAGE}">
{_labels(classes, hotkeys=True)}
  </BrushLabels>
  <Header value="Polygon" size="6"/>
  <PolygonLabels name="{POLYGON}" toName="{IMAGE}" strokeWidth="2">
{_labels(classes, hotkeys=False)}
  </PolygonLabels>
</View>
"""


def _labels(classes: Classes, hotkeys: bool) -> str:
    lines = []
    for k, (name, colour) in enumerate(zip((*classes.names, UNDECIDED), (*classes.colours, BLACK), strict=True)):
        key = f' hotkey="{KEYS[k]}"' if hotkeys and k < len(KEYS) else ""
        lines.append(f'    <Label value={quoteattr(name)} background="#{bytes(colour).hex()}"{key}/>')
    return "\n".join(lines)
