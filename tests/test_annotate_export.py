"""Reading an export: what is taken, what is refused and named."""

import copy
import json
import math

import numpy as np
import pytest
from annotating import a_project, annotation, block, regions_of, task_of
from skimage.draw import polygon2mask

from segxal.apps.annotate.export import read_export, read_export_file
from segxal.apps.annotate.project import brush_region
from segxal.apps.annotate.regions import fill, label_map
from segxal.core.errors import AnnotationError
from segxal.core.labels import VOID


@pytest.fixture
def project(tmp_path):
    return a_project(tmp_path / "p")[0]


def polygon(project, points, label="car"):
    height, width = project.shown
    return {"type": "polygonlabels", "to_name": "image", "original_width": width, "original_height": height,
            "image_rotation": 0, "value": {"points": points, "polygonlabels": [label], "closed": True}}  # fmt: skip


def changed(region, path, value):
    region = copy.deepcopy(region)
    place = region
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return region


def test_unannotated_pixels_stay_255(project):
    found = read_export([task_of(project, "a", annotation([block(project, 2, 3)]))], project)
    labels = found.labels["a"]
    assert labels.dtype == np.uint8 and labels[2, 3] == 13 and (labels == VOID).sum() == labels.size - 1
    assert not found.undecided["a"].any() and found.lead_time == {"a": 7.5} and found.problems == ()


def test_later_regions_lie_on_top(project):
    below, above = block(project, 0, 0, "road", 4, 4, "x"), block(project, 2, 2, "car", 4, 4, "y")
    labels = read_export([task_of(project, "a", annotation([below, above]))], project).labels["a"]
    assert (labels[2:6, 2:6] == 13).all() and (labels == 0).sum() == 12
    labels = read_export([task_of(project, "a", annotation([above, below]))], project).labels["a"]
    assert (labels[0:4, 0:4] == 0).all() and (labels == 13).sum() == 12


def test_void_is_looked_at_and_not_labelled(project):
    found = read_export([task_of(project, "a", annotation([block(project, 1, 1, "void")]))], project)
    assert np.argwhere(found.undecided["a"]).tolist() == [[1, 1]] and (found.labels["a"] == VOID).all()


def test_a_polygon_is_filled_in_percent(project):
    quarter = [[0, 0], [50, 0], [50, 50], [0, 50]]
    labels = read_export([task_of(project, "a", annotation([polygon(project, quarter)]))], project).labels["a"]
    assert (labels[:6, :8] == 13).all() and (labels == 13).sum() == 48


def test_polygons_agree_with_an_independent_test_of_centres():
    rng = np.random.default_rng(0)
    for _ in range(50):
        corners = rng.random((int(rng.integers(3, 8)), 2)) * 100
        found = fill(corners.tolist(), 20, 30)
        y, x = np.mgrid[:20, :30] + 0.5
        inside = np.zeros((20, 30), bool)
        px, py = corners[:, 0] * 0.3, corners[:, 1] * 0.2
        for k in range(len(corners)):  # even-odd rule, ray to the right
            a, b = k - 1, k
            crosses = (py[a] > y) != (py[b] > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= crosses & (x < (px[b] - px[a]) * (y - py[a]) / (py[b] - py[a]) + px[a])
        assert (found != inside).sum() <= 1, "only a centre on the very edge may differ"
        assert np.array_equal(found, polygon2mask((20, 30), np.stack([py, px], 1) - 0.5))


def test_a_polygon_may_reach_out_of_the_image():
    assert fill([[-50, -50], [250, -50], [250, 250], [-50, 250]], 5, 7).all()


BROKEN = {
    "wrong width": ((("original_width",), 47), "its image is 47 x 36, expected 48 x 36"),
    "wrong height": ((("original_height",), 12), "its image is 48 x 12, expected 48 x 36"),
    "turned": ((("image_rotation",), 90), "rotated by 90 degrees"),
    "unknown label": ((("value", "brushlabels"), ["cat"]), "its label 'cat' is unknown; the project has road"),
    "no label": ((("value", "brushlabels"), []), "without exactly one label"),
    "two labels": ((("value", "brushlabels"), ["car", "road"]), "without exactly one label"),
    "kind": ((("type",), "ellipselabels"), "kind 'ellipselabels'"),
    "other image": ((("to_name",), "eem"), "drawn on 'eem'"),
    "no size": ((("value",), {}), "use brush or polygon"),
    "truncated": ((("value", "rle"), [0, 0, 27, 0, 57, 27]), "cut off or damaged"),
    "garbage": ((("value", "rle"), [1, 2, 3]), "cut off or damaged"),
    "absurd": ((("value", "rle"), [255] * 60), "state 4294967295 values"),
    "no strokes": ((("value", "rle"), "abc"), "not a list of bytes"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_region_that_does_not_fit_is_named(project, name):
    (path, value), words = BROKEN[name]
    good, bad = block(project), changed(block(project), path, value)
    with pytest.raises(AnnotationError, match="1 of 1 tasks cannot be imported, so none were") as error:
        read_export([task_of(project, "b/c", annotation([good, bad]), number=41)], project)
    assert "task 41 (b/c): region 2 of 2: " in str(error.value) and words in str(error.value)


@pytest.mark.parametrize("points", [[[0, 0], [1, 1]], "x", None, [[0, 0], [1], [2, 2]], [[0, 0], [1, "1"], [2, 2]],
                                    [[0, 0], [math.nan, 1], [2, 2]]])  # fmt: skip
def test_a_polygon_without_three_corners_is_refused(project, points):
    with pytest.raises(AnnotationError, match="a polygon needs at least 3 corners"):
        read_export([task_of(project, "a", annotation([polygon(project, points)]))], project)


def refused(project, *tasks):
    with pytest.raises(AnnotationError) as error:
        read_export(list(tasks), project)
    found = read_export(list(tasks), project, keep_going=True)
    assert found.problems and all(problem in str(error.value) for problem in found.problems)
    return found


def test_tasks_that_do_not_belong_are_named_and_the_rest_is_imported(project):
    good = task_of(project, "a", annotation([block(project)]), number=1)
    outside = [(name, "a path outside the project") for name in ("../a", "/etc/x", "..\\a")]
    for name, words in [("zebra", "unknown image"), *outside, (None, "names no image")]:
        found = refused(project, good, task_of(project, name, annotation([block(project)]), number=2))
        assert list(found.labels) == ["a"] and len(found.problems) == 1
        assert found.problems[0].startswith("task 2 (") and words in found.problems[0]


def test_a_task_of_another_cycle_is_refused(project):
    task = task_of(project, "a", annotation([block(project)]))
    task["data"]["digest"] = "other"
    assert "belongs to another cycle" in refused(project, task).problems[0]


def test_a_duplicate_task_is_refused_and_the_first_stays(project):
    one = task_of(project, "a", annotation([block(project, label="car")]), number=1)
    two = task_of(project, "a", annotation([block(project, label="road")]), number=2)
    found = refused(project, one, two)
    assert (
        found.labels["a"][0, 0] == 13 and "task 2 (a): another task already answers the same image" in found.problems[0]
    )
    unopened = task_of(project, "a", number=3)
    assert read_export([unopened, one], project).problems == (), "a copy that nobody opened says nothing"


@pytest.mark.parametrize(
    "task",
    [
        lambda p: task_of(p, "a", drafts=[{"result": [block(p)]}]),
        lambda p: task_of(p, "a", annotation([])),
        lambda p: task_of(p, "a", annotation(None)),
        lambda p: task_of(p, "a", annotation([brush_region(np.zeros(p.shown, bool), "car", "r")])),
    ],
    ids=["draft", "empty", "no result", "nothing drawn"],
)
def test_half_finished_work_is_refused(project, task):
    good = task_of(project, "d", annotation([block(project)]), number=9)
    found = refused(project, task(project), good)
    assert list(found.labels) == ["d"] and "half-finished" in found.problems[0]


def test_a_skipped_task_counts_as_not_annotated(project):
    skipped = annotation([block(project)], was_cancelled=True, lead_time=3)
    found = read_export([task_of(project, "a", skipped)], project)
    assert (
        found.skipped == ["a"]
        and found.labels == {}
        and found.lead_time == {"a": 3}
        and found.left(["a", "d"]) == ["d"]
    )
    both = read_export([task_of(project, "a", skipped, annotation([block(project)], 2))], project)
    assert both.skipped == [] and both.labels["a"][0, 0] == 13 and both.lead_time == {"a": 10.5}


def test_all_problems_are_told_at_once(project):
    tasks = [task_of(project, f"z{k}", annotation([block(project)]), number=k) for k in range(13)]
    with pytest.raises(AnnotationError, match=r"13 of 13 tasks cannot be imported(.|\n)*and 3 more(.|\n)*--keep-going"):
        read_export(tasks, project)
    assert len(read_export(tasks, project, keep_going=True).problems) == 13


@pytest.mark.parametrize("tasks", [None, {}, "x", [1], [{"id": 1, "image": "x"}], [{"data": None}]])
def test_what_is_no_export_is_refused_always(project, tasks):
    with pytest.raises(AnnotationError, match="format JSON"):
        read_export(tasks, project, keep_going=True)


@pytest.mark.parametrize("field", [{"annotations": "x"}, {"annotations": [3]}])
def test_strange_annotations_are_refused(project, field):
    assert "annotations are not a list" in refused(project, task_of(project, "a") | field).problems[0]


@pytest.mark.parametrize("seconds", ["x", -1, math.inf, math.nan])
def test_strange_times_are_refused(project, seconds):
    task = task_of(project, "a", annotation([block(project)], lead_time=seconds))
    assert "lead time" in refused(project, task).problems[0]


def test_several_people_vote_pixel_by_pixel(project):
    three = [annotation([block(project, 0, 0, label, 1, columns, "r")], k, k) for k, (label, columns) in
             enumerate([("car", 3), ("car", 2), ("road", 1)], 1)]  # fmt: skip
    found = read_export([task_of(project, "a", *three)], project)
    assert found.labels["a"][0, :4].tolist() == [13, 13, 13, VOID] and not found.undecided["a"].any()
    assert found.agreement["a"] == 1 / 2  # of the two pixels with two votes or more, one is contested
    assert found.lead_time["a"] == 22.5
    two = read_export([task_of(project, "a", three[0], three[2])], project)
    assert two.labels["a"][0, 0] == VOID and two.undecided["a"][0, 0] and two.undecided["a"].sum() == 1
    assert two.agreement["a"] == 0 and "a" not in read_export([task_of(project, "a", three[0])], project).agreement


def test_of_one_person_the_newest_counts(project):
    old, new = (
        annotation([block(project)], 4, 1),
        annotation([block(project, label="road")], 9, {"id": 1, "email": "x"}),
    )
    found = read_export([task_of(project, "a", new, old)], project)
    assert found.labels["a"][0, 0] == 0 and found.agreement == {} and found.lead_time["a"] == 15


def test_files_that_are_no_export_are_named(tmp_path, project):
    with pytest.raises(AnnotationError, match="there is no file"):
        read_export_file(tmp_path / "gone.json", project)
    (tmp_path / "bad.json").write_text("[{")
    with pytest.raises(AnnotationError, match=r"is not JSON .* export it again"):
        read_export_file(tmp_path / "bad.json", project)
    (tmp_path / "good.json").write_text(json.dumps([task_of(project, "a", annotation([block(project)]))]))
    assert list(read_export_file(tmp_path / "good.json", project).labels) == ["a"]


def test_nothing_that_is_drawn_is_changed(project):
    regions = regions_of(np.full(project.size, 3, np.uint8), np.zeros(project.size, bool), project)
    before = copy.deepcopy(regions)
    assert (label_map(regions, project) == 3).all() and regions == before
