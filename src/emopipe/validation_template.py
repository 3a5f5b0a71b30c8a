"""The form of the page about the data, for Jinja2; all values are escaped."""

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Validation of the faces</title>
<style>
:root { --ink: #1d2430; --soft: #667085; --line: #e3e7ee; --paper: #fff; --ground: #f5f7fa;
  --good: #177245; --warning: #a15c00; --critical: #b42318; --info: #2f5d9b; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { margin: 0; font-size: 28px; }
h2 { margin: 40px 0 12px; font-size: 20px; }
h3 { margin: 28px 0 2px; font: 600 16px ui-monospace, "Liberation Mono", monospace; }
p { margin: 4px 0 12px; color: var(--soft); }
a { color: var(--info); }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 20px; }
.tile, table, .group { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 18px; }
.tile b { display: block; font-size: 28px; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); }
table { width: 100%; border-collapse: separate; border-spacing: 0; overflow: hidden; }
th, td { padding: 8px 14px; text-align: left; border-top: 1px solid var(--line); }
thead th { border-top: 0; white-space: nowrap; font-size: 13px; font-weight: 600; color: var(--soft); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code, .source { font: 13px ui-monospace, "Liberation Mono", monospace; }
.tag { display: inline-block; padding: 0 9px; border-radius: 99px; font-size: 13px; border: 1px solid currentcolor; }
.good { color: var(--good); } .warning { color: var(--warning); } .critical { color: var(--critical); }
.info { color: var(--info); } .quiet { color: var(--soft); }
.groups { display: flex; flex-wrap: wrap; gap: 12px; }
.group { display: flex; gap: 10px; padding: 10px; align-items: flex-start; flex-wrap: wrap; }
figure { margin: 0; width: 112px; }
figure img { display: block; width: 112px; height: 112px; object-fit: contain; background: var(--ground);
  border-radius: 6px; }
figcaption { margin-top: 4px; font-size: 13px; line-height: 1.3; overflow-wrap: anywhere; }
figcaption .source { font-size: 11px; color: var(--soft); }
.dropped img { opacity: .45; }
.dropped b { text-decoration: line-through; }
</style>
<h1>Validation of the faces</h1>
<div class="tiles">
  <div class="tile"><b>{{ "{:,}".format(rows_in) }}</b><span>rows in</span></div>
  <div class="tile"><b>{{ "{:,}".format(rows_in - rows_out) }}</b><span>rows dropped</span></div>
  <div class="tile"><b>{{ "{:,}".format(rows_out) }}</b><span>rows out</span></div>
  <div class="tile"><b>{{ num_held }} of {{ outcomes|length }}</b><span>expectations hold</span></div>
</div>

<h2>Findings</h2>
<p>Defects of the table as it came. A row that several kinds drop counts under the first of them, in this order.
Test rows are never dropped. All rows with their evidence: <a href="findings.csv">findings.csv</a>.</p>
<table>
<thead><tr><th>Kind<th>Severity<th>Policy<th class="number">Rows<th class="number">Groups<th class="number">Dropped
</thead>
{% for finding in findings %}
<tr><td><a href="#{{ finding.kind }}"><code>{{ finding.kind }}</code></a>
<td><span class="tag {{ finding.severity if finding.num_rows else 'quiet' }}">{{ finding.severity }}</span>
<td>{{ finding.policy }}
<td class="number">{{ "{:,}".format(finding.num_rows) }}<td class="number">{{ "{:,}".format(finding.num_groups) }}
<td class="number">{{ "{:,}".format(dropped.get(finding.kind, 0)) }}
{% endfor %}
</table>

<h2>Faces after validation</h2>
<table>
<thead><tr><th>Split{% for label in counts.train %}<th class="number">{{ label }}{% endfor %}<th class="number">All
</thead>
{% for split, by_class in counts.items() %}
<tr><td>{{ split }}{% for number in by_class.values() %}<td class="number">{{ "{:,}".format(number) }}{% endfor %}
<td class="number"><b>{{ "{:,}".format(by_class.values()|sum) }}</b>
{% endfor %}
</table>

<h2>Expectations</h2>
<p>Held against the cleaned table with Great Expectations; its own pages are
<a href="data_docs/index.html">Data Docs</a> (they load their styles from the network).</p>
<table>
<thead><tr><th>Expectation<th>If broken<th>Result<th class="number">Rows<th class="number">Unexpected</thead>
{% for outcome in outcomes %}
<tr><td>{{ outcome.text }}
{% if outcome.examples %}<div class="source quiet">{{ outcome.examples|join(", ") }}</div>{% endif %}
<td class="quiet">{{ outcome.severity }}
<td>{% if outcome.success %}<span class="tag good">holds</span>
{% else %}<span class="tag {{ outcome.severity }}">broken</span>{% endif %}
<td class="number">{{ "{:,}".format(outcome.num_rows) }}<td class="number">{{ "{:,}".format(outcome.num_unexpected) }}
{% endfor %}
</table>

<h2>Pictures</h2>
<p>The first groups of each finding. Pale pictures with a struck-out label were dropped.</p>
{% for finding in findings %}
<h3 id="{{ finding.kind }}">{{ finding.kind }}</h3>
<p>{{ explanations[finding.kind] }}
{% if not finding.num_rows %}None found.
{% elif finding.num_groups > groups[finding.kind]|length %}
{{ groups[finding.kind]|length }} of {{ "{:,}".format(finding.num_groups) }} groups.
{% endif %}</p>
<div class="groups">
{% for group in groups[finding.kind] %}
<div class="group">
{% for picture in group.pictures %}
<figure{% if picture.dropped %} class="dropped"{% endif %}><img src="{{ picture.uri }}" alt="{{ picture.label }}">
<figcaption><b>{{ picture.label }}</b> in {{ picture.split }}<br>
{% if "Evidence" in explanations[finding.kind] %}<span class="quiet">{{ "%.2f"|format(picture.evidence) }}</span><br>
{% endif %}
<span class="source">{{ picture.source|e|replace(":", ":<wbr>"|safe) }}</span>
</figcaption></figure>
{% endfor %}
{% if group.num_more %}<p>and {{ group.num_more }} more</p>{% endif %}
</div>
{% endfor %}
</div>
{% endfor %}
</html>
"""
