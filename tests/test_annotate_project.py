"""The project folder: what Label Studio gets, in which order, and exact on the way back."""

import base64
import dataclasses
import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from annotating import ZOOM, a_project, a_query, annotation, regions_of, simulated, task_of
from PIL import Image

from segxal.acquisition.oracles.human import HumanOracle, touched_objects
from segxal.acquisition.query import Ask
from segxal.apps.annotate.export import read_export
from segxal.apps.annotate.label_config import label_config
from segxal.apps.annotate.pictures import OUTLINE, enlarge, heat_over, training_images, zoom_for
from segxal.apps.annotate.project import brush_region, pre_annotation, read_project, write_project
from segxal.apps.annotate.regions import label_map
from segxal.core.errors import ConfigError, DataInvalid
from segxal.core.labels import CAMVID, CITYSCAPES, VOID, Classes
from segxal.data.splits import open_splits
from segxal.study.settings import load_preset


def picture(uri):
    kind, _, data = uri.partition(",")
    assert kind == "data:image/png;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))))


def test_image_project_annotation_mask_is_exact_to_the_pixel(tmp_path):
    project, queries = a_project(tmp_path / "p")
    human = HumanOracle(0.25)
    answers = read_export(simulated(queries.values(), project, human.annotate), project)
    for name, query in queries.items():
        expected = human.annotate(query)
        assert np.array_equal(answers.labels[name], expected.labels)
        assert np.array_equal(answers.undecided[name], expected.undecided)
        shown = picture(next(t["data"]["image"] for t in project.tasks() if t["data"]["image_id"] == name))
        assert np.array_equal(shown[::ZOOM, ::ZOOM].transpose(2, 0, 1), query.image)


def test_submitted_as_it_is_the_pre_annotation_is_the_prediction_of_touched_objects(tmp_path):
    project, queries = a_project(tmp_path / "p")
    tasks = [
        task_of(project, t["data"]["image_id"], annotation(t["predictions"][0]["result"])) for t in project.tasks()
    ]
    answers = read_export(tasks, project)
    for name, query in queries.items():
        touched = touched_objects(query.prediction, query.asked, 0.25)
        assert touched.any() and not touched.all()
        assert np.array_equal(answers.labels[name], np.where(touched, query.prediction, VOID))


def test_objects_are_regions_of_their_own_and_specks_share_one():
    query = a_query("x")
    prediction = np.zeros((12, 16), np.uint8)
    prediction[0:4, 0:5] = prediction[6:10, 0:4] = 1  # two objects of 20 and 16 pixels
    prediction[0, 15] = prediction[11, 15] = 1  # two specks
    asked = prediction == 1
    found = pre_annotation(dataclasses.replace(query, prediction=prediction, asked=asked), CITYSCAPES, 2, 0.25)
    assert [region["value"]["brushlabels"] for region in found] == [["sidewalk"]] * 3
    assert len({region["id"] for region in found}) == 3
    assert all((region["original_height"], region["original_width"]) == (24, 32) for region in found)


def test_tasks_come_best_first_and_carry_what_the_import_needs(tmp_path):
    project, _ = a_project(tmp_path / "p")
    tasks = project.tasks()
    assert [t["data"]["image_id"] for t in tasks] == list(project.ids) == ["d", "b/c", "a"]
    scores = [t["predictions"][0]["score"] for t in tasks]
    assert scores == sorted(scores, reverse=True) and all(t["data"]["digest"] == "digest" for t in tasks)
    for task in tasks:
        assert picture(task["data"]["image"]).shape == picture(task["data"]["eem"]).shape == (*project.shown, 3)


@pytest.mark.parametrize("classes", [CITYSCAPES, CAMVID, Classes(('a "b" & <c>',), ((1, 2, 3),))])
def test_the_config_names_every_class_in_its_colour(classes):
    tree = ET.fromstring(label_config(classes))
    for tag in ("BrushLabels", "PolygonLabels"):
        labels = tree.find(f".//{tag}").findall("Label")
        assert [label.get("value") for label in labels] == [*classes.names, "void"]
        assert labels[0].get("background") == "#" + bytes(classes.colours[0]).hex()
        assert tree.find(f".//{tag}").get("toName") == "image"
    keys = [label.get("hotkey") for label in tree.iter("Label") if label.get("hotkey")]
    assert len(keys) == len(set(keys)) == len(classes) + 1
    assert {image.get("value") for image in tree.iter("Image")} == {"$image", "$eem"}


def test_a_class_named_void_is_refused():
    with pytest.raises(ConfigError, match="a class is called 'void'"):
        label_config(Classes(("void",), ((0, 0, 0),)))


def test_the_project_says_what_it_is(tmp_path):
    project, _ = a_project(tmp_path / "p")
    again = read_project(tmp_path / "p")
    assert again == project and again.size == (12, 16) and again.zoom == ZOOM and again.shown == (36, 48)
    assert again.classes == CITYSCAPES.names and not list(tmp_path.glob(".*"))


def test_a_project_is_never_written_over(tmp_path):
    a_project(tmp_path / "p")
    before = {file.name: file.read_bytes() for file in (tmp_path / "p").iterdir()}
    with pytest.raises(ConfigError, match=r"exists; a project is never overwritten"):
        a_project(tmp_path / "p")
    assert {file.name: file.read_bytes() for file in (tmp_path / "p").iterdir()} == before


def test_what_cannot_be_mapped_back_is_refused(tmp_path):
    one = Ask(0, 1.0, a_query("a"))
    for images in (
        [np.zeros((13, 16, 3), np.uint8)],
        [np.zeros((24, 48, 3), np.uint8)],
        [np.zeros((6, 8, 3), np.uint8)],
    ):
        with pytest.raises(ConfigError, match="whole multiple"):
            write_project(tmp_path / "p", "d", [one], CITYSCAPES, images, 0.25)
    with pytest.raises(ConfigError, match="2 images are asked for, but only 1 are different"):
        write_project(tmp_path / "p", "d", [one, one], CITYSCAPES, [np.zeros((12, 16, 3), np.uint8)] * 2, 0.25)
    assert not list(tmp_path.iterdir())


def test_a_missing_or_damaged_project_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no project in"):
        read_project(tmp_path)
    (tmp_path / "project.json").write_text('{"digest": 3}')
    with pytest.raises(DataInvalid, match="not what segxal wrote"):
        read_project(tmp_path)


@pytest.mark.parametrize(("width", "zoom"), [(64, 10), (96, 7), (128, 5), (640, 1), (1024, 1), (639, 2)])
def test_the_zoom_is_the_smallest_that_is_wide_enough(width, zoom):
    assert zoom_for(width) == zoom and zoom * width >= 640 and (zoom == 1 or (zoom - 1) * width < 640)


def test_people_see_the_images_sharper_than_the_network():
    preset = load_preset("smoke").with_changes(data={"counts": (4, 2, 2)})
    small = open_splits(preset.data, "", None).train
    large = training_images(preset, [2, 0], 4)
    for k, image in zip([2, 0], large, strict=True):
        assert image.shape == (128, 256, 3)
        shrunk = torch.nn.functional.avg_pool2d(torch.from_numpy(image).permute(2, 0, 1).float(), 4)
        assert (shrunk - small.images[k].float()).abs().mean() < 12, "the same scene"
        assert not np.array_equal(image, enlarge(image[::4, ::4], 4)), "more than enlarged pixels"


def test_the_heat_map_shows_what_is_asked():
    eem, asked = np.linspace(0, 1, 48).reshape(6, 8), np.zeros((6, 8), bool)
    asked[2:4, 3:6] = True
    seen = heat_over(np.full((24, 32, 3), 100, np.uint8), eem, asked)
    inside = enlarge(asked, 4)
    assert (seen[8, 12] == OUTLINE).all() and not (seen[~inside] == OUTLINE).all(-1).any()
    free = seen[~inside].astype(int).sum(-1)
    assert free[-1] > 2 * free[0], "hot is bright"


def test_a_block_takes_its_most_frequent_label(tmp_path):
    project, _ = a_project(tmp_path / "p")
    drawn = np.zeros(project.shown, bool)
    drawn[:3, :3] = [[1, 1, 1], [1, 1, 0], [0, 0, 0]]  # five of nine pixels: the block
    drawn[:3, 3:6] = [[1, 1, 1], [1, 0, 0], [0, 0, 0]]  # four of nine: not annotated
    found = label_map([brush_region(drawn, "car", "r")], project)
    assert found[0, 0] == 13 and (found.ravel()[1:] == 20).all()


def test_ties_go_to_the_lower_label_then_void_then_nothing(tmp_path):
    project, _ = a_project(tmp_path / "p", zoom=2)
    left, right = np.zeros(project.shown, bool), np.zeros(project.shown, bool)
    left[0, :2], right[1, :2] = True, True
    labels, nothing = np.full(project.size, VOID, np.uint8), np.zeros(project.size, bool)
    assert not regions_of(labels, nothing, project)
    both = [brush_region(left, "car", "l"), brush_region(right, "road", "r")]
    assert label_map(both, project)[0, 0] == label_map(both[::-1], project)[0, 0] == 0
    void = [brush_region(left, "void", "l"), brush_region(right, "road", "r")]
    assert label_map(void, project)[0, 0] == 0 and label_map(void[:1], project)[0, 0] == 19
