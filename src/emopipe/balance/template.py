"""The form of the page about the training set, for Jinja2; all values are escaped."""

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Balance of the training set</title>
<style>{{ style|safe }}
.sheet { display: grid; grid-template-columns: repeat(12, 1fr); gap: 6px; padding: 10px; margin-bottom: 12px;
  background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.sheet figure, .sheet img { width: 100%; height: auto; }
.sheet figcaption { font-size: 11px; color: var(--soft); }
h4 { margin: 0 0 4px; font-size: 14px; font-weight: 600; }
</style>
<h1>Balance of the training set</h1>
<p>Strategy <code>{{ report.strategy }}</code>, target <code>{{ report.target }}</code>.</p>
<div class="tiles">
  <div class="tile"><b>{{ "{:,}".format(report.num_real) }}</b><span>real rows</span></div>
  <div class="tile"><b>{{ "{:,}".format(report.num_repeated) }}</b><span>repeated rows</span></div>
  <div class="tile"><b>{{ "{:,}".format(report.num_synthetic) }}</b><span>synthetic rows</span></div>
  <div class="tile"><b>{{ "{:,}".format(report.not_kept.values()|sum) }}</b><span>made and not kept</span></div>
</div>

<h2>Rows of each class</h2>
<p>Before = kept + removed; after = kept + added. Short is what was wanted, within <code>balance.max_added</code>,
and could not be made.</p>
<table>
<thead><tr><th>Class{% for name in columns %}<th class="number">{{ name }}{% endfor %}</thead>
{% for label in report.before %}
<tr><td>{{ label }}{% for name in columns %}<td class="number">{{ "{:,}".format(report[name][label]) }}{% endfor %}
{% endfor %}
</table>

{% if report.not_kept %}
<h2>Made and not kept</h2>
<table>
<thead><tr><th>Reason<th>Meaning<th class="number">Rows</thead>
{% for reason, number in report.not_kept.items() %}
<tr><td><code>{{ reason }}</code><td>{{ reasons[reason] }}<td class="number">{{ "{:,}".format(number) }}
{% endfor %}
</table>
{% endif %}

{% if report.quality %}
<h2>Quality</h2>
<p>Intended: share to which a judge, trained on the real faces, gives their class; for real faces, of those that it did
not learn from. Nearest: median distance to the nearest other real face. Diversity: mean distance between two faces of
the class. Fréchet: distance in the judge's hidden layer from the real faces; for real faces, between two halves.</p>
<table>
<thead><tr><th>Class
{% for name in ("Made", "Kept", "Intended: made", "kept", "real", "Nearest: kept", "real", "Diversity: kept", "real",
"Fréchet: kept", "real") %}<th class="number">{{ name }}{% endfor %}
</thead>
{% for label, of in report.quality.items() %}
<tr><td>{{ label }}
<td class="number">{{ "{:,}".format(of.num_made) }}<td class="number">{{ "{:,}".format(of.num_kept) }}
{% for name in figures %}
<td class="number">{{ "" if of[name] is none else "%.2f"|format(of[name]) }}
{% endfor %}
{% endfor %}
</table>

<h2>Faces</h2>
{% for label, sheet in sheets.items() %}
<h3>{{ label }}</h3>
{% for title, pictures in sheet.items() if pictures %}
<h4>{{ title }}</h4>
<div class="sheet">
{% for picture in pictures %}
<figure><img src="{{ picture.uri }}" alt="{{ label }}, {{ title }}">
<figcaption>{{ picture.caption }}</figcaption></figure>
{% endfor %}
</div>
{% endfor %}
{% endfor %}
{% else %}
<p>No synthetic pictures: there is nothing to judge.</p>
{% endif %}
</html>
"""
