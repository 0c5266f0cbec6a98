"""What Methods ask of the machine, and what their Tasks get."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.resources import GpuWish
from tests.unit.model.method_documents import method_document

GB = 10**9
PLACE = "additionalParameters.executionUnit"
LAB = Limits(memory=2 * GB, cpus=1.5, pids=512, max_time=100)


def document(config=..., inputs=None, unit=...):
    if unit is ...:
        unit = [{"type": "docker", "config": {} if config is ... else config}]
    made = method_document({name: {"schema": schema} for name, schema in (inputs or {}).items()})
    made["additionalParameters"]["parameters"].append({"name": "executionUnit", "value": unit})
    return made


def got(config=..., limits=LAB, inputs=None, **chosen):
    method = parse_method(document(config, inputs))
    return check_request(method, {"inputs": chosen}, limits)


def refused(config=..., limits=LAB, inputs=None, **chosen):
    with pytest.raises(InvalidDocument) as error:
        got(config, limits, inputs, **chosen)
    return [str(problem) for problem in error.value.problems]


def test_without_an_execution_unit_everything_is_the_infrastructures():
    method = parse_method(method_document())
    request = check_request(method, {}, LAB)
    assert (request.limits, request.gpus, request.priority) == (LAB, [], 0)


@pytest.mark.parametrize(
    ("config", "cpus", "memory"),
    [
        ({}, 1.5, 2 * GB),
        ({"cpuMin": 1, "memoryMin": 1}, 1.5, 2 * GB),
        ({"cpuMin": 4, "memoryMin": 3.5}, 4, 3_500_000_000),
        ({"cpuMax": 1, "memoryMax": 0.25}, 1, 250_000_000),
        ({"cpuMin": 1, "cpuMax": 8, "memoryMin": 1, "memoryMax": 64}, 1.5, 2 * GB),
        ({"cpuMin": 2, "cpuMax": 2, "memoryMin": 8, "memoryMax": 8}, 2, 8 * GB),
    ],
)
def test_cores_and_memory_are_the_infrastructures_own_moved_into_the_bounds(config, cpus, memory):
    limits = got(config).limits
    assert (limits.cpus, int(limits.memory)) == (cpus, memory)


def test_the_other_members():
    config = {"storageTempMin": 2, "storageOutputsMin": 0.5, "jobTimeout": 30.0, "pids": 1000}
    limits = got(config).limits
    assert (int(limits.disk), limits.max_time, limits.pids) == (2_500_000_000, 30, 1000)
    assert got({"jobTimeout": 1000}).limits.max_time == 100


def test_the_users_time_is_below_the_methods():
    inputs = {"ccpmaxtime": {"type": "integer", "default": 50}}
    assert got({"jobTimeout": 30}, inputs=inputs).limits.max_time == 30
    assert got({"jobTimeout": 30}, inputs=inputs, ccpmaxtime=5).limits.max_time == 5


@pytest.mark.parametrize(
    ("gpus", "wishes"),
    [
        (0, []),
        (2, [GpuWish(), GpuWish()]),
        ([], []),
        ([{}, {"vram": 8192}], [GpuWish(), GpuWish(vram=8192)]),
        ([{"vram": 0.5}], [GpuWish(vram=1)]),
        ([{"id": "GPU-4b3f", "vram": 1}], [GpuWish(vram=1, id="GPU-4b3f")]),
    ],
)
def test_gpus(gpus, wishes):
    assert got({"gpus": gpus}).gpus == wishes


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ([], f"{PLACE}.config: must be an object (found [])"),
        ({"memory": 1}, f"{PLACE}.config.memory: unknown member; there are cpuMin, cpuMax, "),
        ({"cpuMin": 0}, f"{PLACE}.config.cpuMin: must be a number from 0.01 to 10000 (found 0)"),
        ({"cpuMax": "4"}, f"{PLACE}.config.cpuMax: must be a number from"),
        ({"memoryMin": True}, f"{PLACE}.config.memoryMin: must be a number from"),
        ({"memoryMax": 1e300}, f"{PLACE}.config.memoryMax: must be a number from"),
        ({"memoryMin": math.nan}, ""),
        ({"storageTempMin": -1}, f"{PLACE}.config.storageTempMin: must be a number from 0 to"),
        ({"jobTimeout": 1.5}, f"{PLACE}.config.jobTimeout: must be a whole number from 1 to"),
        ({"pids": 15}, f"{PLACE}.config.pids: must be a whole number from 16 to 4194304"),
        ({"cpuMin": 3, "cpuMax": 2}, f"{PLACE}.config.cpuMin: must not be more than cpuMax (2)"),
        ({"memoryMin": 3, "memoryMax": 2}, f"{PLACE}.config.memoryMin: must not be more than"),
        ({"gpus": -1}, f"{PLACE}.config.gpus: must be a whole number from 0 to 1024, or a list"),
        ({"gpus": 1025}, f"{PLACE}.config.gpus: must be a whole number from 0 to 1024, or a list"),
        ({"gpus": [{}] * 1025}, f"{PLACE}.config.gpus: must be a whole number from 0 to 1024"),
        ({"gpus": {"count": 1}}, f"{PLACE}.config.gpus: must be a whole number from 0 to 1024"),
        ({"gpus": [1]}, f"{PLACE}.config.gpus[0]: must be an object with vram (MB), id, or"),
        ({"gpus": [{"vramMin": 1}]}, f"{PLACE}.config.gpus[0]: must be an object with vram"),
        ({"gpus": [{"vram": -1}]}, f"{PLACE}.config.gpus[0].vram: must be a number of MB from 0"),
        ({"gpus": [{"vram": "8"}]}, f"{PLACE}.config.gpus[0].vram: must be a number of MB"),
        ({"gpus": [{"id": 0}]}, f"{PLACE}.config.gpus[0].id: must be text of at most 200"),
        ({"gpus": [{"id": "x" * 201}]}, f"{PLACE}.config.gpus[0].id: must be text of at most 200"),
        ({"gpus": [{"id": "a"}, {"id": "a"}]}, f"{PLACE}.config.gpus: asks for one GPU twice"),
    ],
)
def test_a_method_with_a_wrong_config_is_refused(config, problem):
    problems = refused(config)
    assert any(each.startswith(problem) for each in problems), problems


@pytest.mark.parametrize("unit", [[], [{}, {}], ["x"], "x", 5, [[]]])
def test_an_execution_unit_is_a_list_of_one_object(unit):
    with pytest.raises(InvalidDocument, match=r"executionUnit: must be a list of one object"):
        parse_method(document(unit=unit))


def test_there_is_one_execution_unit():
    made = document({})
    made["additionalParameters"]["parameters"].append({"name": "executionUnit", "value": [{}]})
    with pytest.raises(InvalidDocument, match=r"executionUnit: there must be only one"):
        parse_method(made)


def test_shorter_forms_become_the_one_form():
    config = {"memoryMin": 4}
    one = parse_method(document(unit={"config": config}))
    assert one.resources.memory.least == 4
    assert parse_method(one.document()).document() == one.document()
    short = method_document(additionalParameters={"executionUnit": {"config": config}})
    assert parse_method(short).document() == one.document()
    assert (
        parse_method(document(unit=[{"image": "x:1", "deployment": "cloud"}])).resources.gpus == ()
    )


@pytest.mark.parametrize(
    ("config", "limits", "problem"),
    [
        (
            {"memoryMin": 9},
            {"max_memory": 8 * GB},
            f"{PLACE}.config.memoryMin: this Infrastructure allows at most 8 GB (found 9)",
        ),
        (
            {"cpuMin": 9},
            {"max_cpus": 8},
            f"{PLACE}.config.cpuMin: this Infrastructure allows at most 8 cores (found 9)",
        ),
        (
            {"pids": 5000},
            {},
            f"{PLACE}.config.pids: this Infrastructure allows at most 4096 processes (found 5000)",
        ),
        (
            {"gpus": 3},
            {"max_gpus": 2},
            f"{PLACE}.config.gpus: this Infrastructure allows at most 2 GPUs (found 3)",
        ),
        (
            {"storageTempMin": 2, "storageOutputsMin": 2},
            {"max_disk": 3 * GB},
            f"{PLACE}.config.storageTempMin: this Infrastructure allows at most 3 GB with"
            " storageOutputsMin (found 4)",
        ),
    ],
)
def test_more_than_the_infrastructure_allows_is_refused(config, limits, problem):
    assert refused(config, LAB.model_copy(update=limits)) == [problem]


def test_without_a_bound_nodes_decide():
    config = {"memoryMin": 900, "cpuMin": 500, "gpus": 100, "storageTempMin": 900}
    request = got(config)
    assert (int(request.limits.memory), len(request.gpus)) == (900 * GB, 100)


def test_what_everybody_gets_is_allowed():
    small = LAB.model_copy(update={"max_memory": GB, "max_cpus": 1.0, "max_pids": 16})
    assert got({"memoryMin": 2, "pids": 512}, small).limits.memory == 2 * GB


MEMORY = {"ccpmemory": {"type": "number", "default": 4}}


def test_users_choose_within_the_methods_bounds():
    config = {"memoryMin": 2, "memoryMax": 16, "cpuMin": 1, "cpuMax": 4}
    inputs = {**MEMORY, "ccpcpus": {"type": "integer", "default": 2}}
    assert got(config, inputs=inputs).limits.memory == 4 * GB
    chosen = got(config, inputs=inputs, ccpmemory="16", ccpcpus=4)
    assert (int(chosen.limits.memory), chosen.limits.cpus) == (16 * GB, 4)
    assert refused(config, inputs=inputs, ccpmemory=16.5) == [
        "inputs.ccpmemory: the Method uses at most 16 (found 16.5)"
    ]
    assert refused(config, inputs=inputs, ccpmemory=1) == [
        "inputs.ccpmemory: the Method needs at least 2 (found 1)"
    ]
    limits = LAB.model_copy(update={"max_memory": 8 * GB})
    assert refused(config, limits, inputs, ccpmemory=9) == [
        "inputs.ccpmemory: this Infrastructure allows at most 8 GB (found 9)"
    ]


@pytest.mark.parametrize("value", [-1, 0, 0.001, 10**7])
def test_what_no_machine_has_cannot_be_chosen(value):
    problems = refused(inputs=MEMORY, ccpmemory=value)
    assert problems[0].startswith("inputs.ccpmemory: must be a number from 0.01 to 1000000")


def test_a_default_outside_the_bounds_is_found_when_the_method_is_saved():
    with pytest.raises(InvalidDocument, match=r"ccpmemory\.schema\.default: the Method needs at"):
        parse_method(document({"memoryMin": 8}, MEMORY))


def test_how_many_gpus_may_be_chosen():
    inputs = {"ccpgpus": {"type": "integer", "default": 1, "maximum": 4}}
    assert (
        got({"gpus": [{"vram": 8192}]}, inputs=inputs, ccpgpus=3).gpus == [GpuWish(vram=8192)] * 3
    )
    assert got({"gpus": 2}, inputs=inputs).gpus == [GpuWish()]
    assert got(inputs=inputs, ccpgpus=0).gpus == []
    assert refused(inputs=inputs, ccpgpus=5)[0].startswith("inputs.ccpgpus")
    limits = LAB.model_copy(update={"max_gpus": 2})
    assert refused({}, limits, inputs, ccpgpus=3) == [
        "inputs.ccpgpus: this Infrastructure allows at most 2 GPUs (found 3)"
    ]
    unbounded = {"ccpgpus": {"type": "integer"}}
    assert refused(inputs=unbounded, ccpgpus=-1)[0].startswith("inputs.ccpgpus: must be a whole")
    assert refused(inputs=unbounded, ccpgpus=10**9)[0].startswith("inputs.ccpgpus: must be a whole")


@pytest.mark.parametrize("gpus", [[{"id": "0"}], [{"vram": 1}, {"vram": 2}]])
def test_chosen_gpus_are_alike(gpus):
    with pytest.raises(InvalidDocument, match=r"with the input ccpgpus all GPUs must be alike"):
        parse_method(document({"gpus": gpus}, {"ccpgpus": {"type": "integer", "default": 1}}))


def test_priority():
    inputs = {"ccppriority": {"type": "integer", "default": 0}}
    assert got(inputs=inputs).priority == 0
    assert got(inputs=inputs, ccppriority="-100").priority == -100
    assert refused(inputs=inputs, ccppriority=101) == [
        "inputs.ccppriority: must be from -100 to 100 (found 101)"
    ]


@pytest.mark.parametrize("name", ["ccpcpus", "ccpmemory", "ccpgpus", "ccppriority"])
def test_control_inputs_have_their_types(name):
    with pytest.raises(InvalidDocument, match=rf"inputs\.{name}\.schema\.type: must be"):
        parse_method(document({}, {name: {"type": "boolean"}}))


MEMBERS = st.sampled_from(
    ["config", "cpuMin", "cpuMax", "memoryMin", "memoryMax", "pids", "gpus", "vram", "id", "x"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_anything_is_read_or_refused(value):
    try:
        method = parse_method(document(unit=value))
    except InvalidDocument:
        return
    assert parse_method(method.document()).document() == method.document()
    try:
        limits = check_request(method, {}, LAB).limits
    except InvalidDocument:
        return
    assert 10**7 <= limits.memory <= 10**15
    assert 0.01 <= limits.cpus <= 10**4
    assert 16 <= limits.pids <= 4096
