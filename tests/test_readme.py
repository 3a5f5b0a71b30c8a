import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_result_tables_show_what_the_reports_hold():
    tool = runpy.run_path(str(ROOT / "tools" / "readme_tables.py"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme == tool["with_tables"](readme, ROOT), "the tables are old: python tools/readme_tables.py"
    for model in ("cnn", "yolov8n-cls", "resnet18", "efficientnet_b0"):
        assert f"\n| {model} | 0." in readme
