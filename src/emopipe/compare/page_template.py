"""The form of the page that compares two models, for Jinja2; all values are escaped."""

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ figures.b }} against {{ figures.a }}</title>
<style>
:root { --ink: #1d2430; --soft: #667085; --line: #e3e7ee; --paper: #fff; --ground: #f5f7fa;
  --better: #177245; --worse: #b42318; --noise: #8b95a5; --better-ground: #e3f4ea; --worse-ground: #fce8e6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf1; --soft: #9aa5b6; --line: #2b3442; --paper: #1a212c;
  --ground: #11161d; --better: #5fd394; --worse: #ff8a7a; --noise: #718096; --better-ground: #163524;
  --worse-ground: #43201c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { margin: 0 0 4px; font-size: 26px; overflow-wrap: anywhere; }
h2 { margin: 40px 0 8px; font-size: 20px; }
h3 { margin: 24px 0 8px; font-size: 16px; }
p { margin: 0 0 12px; color: var(--soft); }
.better { color: var(--better); } .worse { color: var(--worse); } .noise { color: var(--noise); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; margin-top: 20px; }
.tile, .scroll, .bars { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 14px 18px; }
.tile b { display: block; font-size: 26px; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 14px; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, .texts th, .texts td { text-align: left; }
.texts td { white-space: normal; overflow-wrap: anywhere; }
thead th { border-top: 0; font-size: 13px; font-weight: 600; color: var(--soft); }
td.better, td.worse { font-weight: 600; }
.confusion td.better { background: var(--better-ground); } .confusion td.worse { background: var(--worse-ground); }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0 16px; padding: 14px 18px;
  align-items: center; }
.bars h3 { grid-column: 1 / -1; margin: 8px 0 2px; color: var(--soft); font-size: 13px; }
.track { position: relative; height: 24px; background:
  linear-gradient(var(--soft), var(--soft)) center / 1px 100% no-repeat; }
.track i, .track b { position: absolute; top: 50%; background: currentcolor; }
.track i { height: 2px; margin-top: -1px; min-width: 2px; }
.track b { width: 10px; height: 10px; margin: -5px 0 0 -5px; border-radius: 50%; }
.value { font-variant-numeric: tabular-nums; font-size: 13px; }
.faces { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 14px 12px; }
figure { margin: 0; }
figure img, figure .blank { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 8px;
  background: var(--line); image-rendering: auto; }
figcaption { margin-top: 4px; font-size: 13px; line-height: 1.35; overflow-wrap: anywhere; }
</style>
{% macro answer(model, said, truth, probability) %}
{{ model }} <span class="{{ 'better' if said == truth else 'worse' }}">{{ said }}</span>
{{ "%.0f"|format(100 * probability) }}%
{% endmacro %}
{% macro section(part) %}
<h2 id="{{ part.key }}">{{ part.title }}</h2>
{% if part.note %}<p>{{ part.note }}</p>{% endif %}
{% if part.rows %}
<div class="scroll"><table class="{{ part.key }}{% if part.key in ('params', 'data') %} texts{% endif %}">
<thead><tr>{% for name in part.header %}<th>{{ name }}{% endfor %}</thead>
{% for row in part.rows %}
<tr>{% for cell in row %}<td class="{{ cell.tone }}">{{ cell.text }}{% endfor %}

{% endfor %}
</table></div>
{% endif %}
{% endmacro %}
<h1>{{ figures.b }} <span class="noise">against</span> {{ figures.a }}</h1>
<p>B against A, on the same {{ "{:,}".format(figures.num_faces) }} test faces.</p>
<div class="tiles">
  <div class="tile"><b class="{{ overall_tone }}">{{ "%+.3f"|format(figures.macro_f1.delta) }}</b>
    <span>macro-F1, {{ {"better": "B is better", "worse": "B is worse", "noise": "within noise"}[overall_tone] }}</span>
  </div>
  <div class="tile"><b>{{ "%+.1f"|format(100 * figures.accuracy.delta) }}</b><span>points of accuracy</span></div>
  <div class="tile"><b>p {{ p_value }}</b><span>McNemar's test of accuracy</span></div>
  <div class="tile"><b>{{ "{:,}".format(figures.flips|length) }}</b><span>answers flipped</span></div>
</div>

{{ section(parts.overall) }}

<h2>Differences with their intervals</h2>
<p>B - A; right of the line B is better. Grey intervals hold zero.</p>
<div class="bars">
{% for title, bars in groups.items() %}
<h3>{{ title }}</h3>
{% for bar in bars %}
<div>{{ bar.name }}</div>
<div class="track {{ bar.tone }}">
<i style="left: {{ "%.2f"|format(bar.low) }}%; width: {{ "%.2f"|format(bar.width) }}%"></i>
<b style="left: {{ "%.2f"|format(bar.middle) }}%"></b></div>
<div class="value {{ bar.tone }}">{{ bar.text }}</div>
{% endfor %}
{% endfor %}
</div>

{% for key in keys if key != "overall" %}
{{ section(parts[key]) }}
{% if key == "flips" %}
{% for group in flips if group.shown %}
<h3>{{ group.title }}</h3>
<p>{% if group.num_more %}The {{ group.shown|length }} that B was surest of; {{ "{:,}".format(group.num_more) }} more.
{% endif %}
{% if group.num_without_picture %}{{ group.num_without_picture }} without a picture: no table of faces at hand has them.
{% endif %}</p>
<div class="faces">
{% for flip in group.shown %}
<figure>{% if flip.uri %}<img src="{{ flip.uri }}" alt="{{ flip.label }}">{% else %}<div class="blank"></div>{% endif %}

<figcaption><b>{{ flip.label }}</b><br>
{{ answer("A", flip.a, flip.label, flip.p_a) }}<br>
{{ answer("B", flip.b, flip.label, flip.p_b) }}
</figcaption></figure>
{% endfor %}
</div>
{% endfor %}
{% endif %}
{% endfor %}
</html>
"""
