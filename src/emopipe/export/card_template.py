"""The text of MODEL_CARD.md, with names in braces where `card.py` puts figures and words."""

CARD = """# Model card: facial emotion, {model}

**What it does.** Takes a picture of one face (uint8, grey or colour, any size) and gives a probability for each of
{classes}. Exported by emopipe as ONNX, with preprocessing and calibration inside the graph.
It looks at {colour}.

**What its answer means.** The labels that it learnt from are what observers said of a picture, not what a person felt.
A face does not show reliably what somebody feels (Barrett et al. 2019, "Emotional Expressions Reconsidered"); treat
the answer as a description of a picture.

## Intended use

Research and teaching; demonstrations; interfaces that react to an expression, for people who know of it and agreed;
describing and sorting pictures that one may process. It expects one upright face that fills the picture.

## Figures

Chosen among {candidates} by {select_by} on validation; test decided nothing. Intervals are 95 % bootstrap intervals
over the faces.

| | validation | test |
|---|---|---|
{overall}

{num_parameters:,} parameters, {num_macs:.1f} million multiply-accumulates for one view of a face.{views}

Per class:

| class | F1 on validation | precision on test | recall on test | F1 on test | faces in test |
|---|---|---|---|---|---|
{per_class}

**Are they free of leaks?** {leaks} Different pictures of one person may still be on both sides.

**Calibration.** Logits are divided by {temperature}, fitted on validation, so that a probability is about how often the
answer is right:

| on test | before | after |
|---|---|---|
{calibration}

It was measured on faces like those of the data; on others the model may be surer than it is right.

## Data

{source}: {rows_in:,} rows read, {rejected:,} of them rejected as unreadable or unknown. The validation stage took out
{dropped:,} more{drop_reasons}. What was used:

| split | {class_names} | all |
|---|---|{class_rule}---|
{splits}
| training set, as balanced | {balanced} |

Balance: {strategy}.{synthetic}

## The export

Each graph held against the model in torch, on all faces of validation, in batches and one by one from the encoded
picture. F1 loss: macro-F1 of torch minus that of the graph, in points of 100, and the class that loses most.

| graph | faces | same answer as torch | largest difference of a probability | F1 loss | worst class |
|---|---|---|---|---|---|
{parity}

With noise of {num_shapes} other sizes, counts and colours, 1x1 among them, probabilities differ by at most
{shapes_difference:.2g}.{int8}{yolo}

## Limits

- Accuracy differs between the classes (above), and was not measured by age, sex, skin colour or culture: assume that it
  differs there too.
- Small, turned, covered, dark or blurred faces are recognised worse. A picture without a face gets an answer as well,
  and it means nothing.
- The classes are a choice: what is none of them is given as one of them.

## What it must not be used for, and the law

- Deciding about a person: hiring, grading, policing, migration, insurance, credit, diagnosis; claims of what somebody
  feels, thinks or intends, lie detection among them.
- Watching people who do not know, or cannot say no.
- European Union, Regulation (EU) 2024/1689 (AI Act): since 2 February 2025 it is prohibited to infer emotions of people
  at work and in education, except for medical or safety reasons (Article 5(1)(f)). Elsewhere deployers must inform the
  people who are exposed to it (Article 50(3), since 2 August 2026), and emotion recognition counts as high-risk
  (Article 6(2), Annex III, point 1(c)).
- Face images are personal data (Regulation (EU) 2016/679, GDPR, Article 4(1)), and often biometric data: have a legal
  ground before you process them, and keep no more than you need.
"""
