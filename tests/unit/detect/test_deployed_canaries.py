from detectors.deployments import DeploymentMark, canaries


def mark(second: int, version: str, role: str, model: str = "shop-rank") -> DeploymentMark:
    return DeploymentMark(second * 1000, model, version, role)


MARKS = [
    mark(0, "3", "live"),
    mark(10, "4", "canary"),
    mark(20, "7", "canary", "ads-rank"),
    mark(30, "4", "canary"),
    mark(40, "4", "live"),
    mark(50, "5", "canary"),
    mark(60, "5", "retired"),
]


def test_a_version_is_a_canary_from_its_deployment_to_its_next_role() -> None:
    assert canaries(MARKS, 9_999) == {}
    assert canaries(MARKS, 10_000) == {("shop-rank", "4"): "3"}
    both = {("shop-rank", "4"): "3", ("ads-rank", "7"): ""}
    assert canaries(MARKS, 20_000) == canaries(MARKS, 39_999) == both
    assert canaries(MARKS, 40_000) == {("ads-rank", "7"): ""}
    assert canaries(MARKS, 50_000) == {("shop-rank", "5"): "4", ("ads-rank", "7"): ""}
    assert canaries(MARKS, 60_000) == {("ads-rank", "7"): ""}
