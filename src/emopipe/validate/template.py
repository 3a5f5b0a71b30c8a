"""The form of the page about the data, for Jinja2; all values are escaped."""

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Validation of the faces</title>
<style>{{ style|safe }}</style>
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
