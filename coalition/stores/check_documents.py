"""Read what `coalition check` verifies of tax documents; each query opens with the question that it answers."""

BROKEN_SERIES = """
-- In which series and year do the numbers not run from 1 to the last one drawn, each once and written on its document?
SELECT series, year, written.documents, written.numbers, written.lowest, written.highest, written.misnamed,
    drawn.last_number
FROM (
    SELECT series, year, count(*) AS documents,
        least(count(DISTINCT series_number), count(DISTINCT number)) AS numbers,
        min(series_number) AS lowest, max(series_number) AS highest,
        -- Six digits, or more where there are more.
        count(*) FILTER (WHERE number !~ format('^%s-%s-0*%s$', series, lpad(year::text, 4, '0'), series_number))
            AS misnamed
    FROM tax_document
    GROUP BY series, year
) AS written
FULL JOIN document_series AS drawn USING (series, year)
WHERE (written.documents, written.numbers, written.lowest, written.highest, written.misnamed)
    IS DISTINCT FROM (drawn.last_number::bigint, drawn.last_number::bigint, 1, drawn.last_number, 0::bigint)
ORDER BY series, year
LIMIT 10
"""

BROKEN_CORRECTED_LINES = """
-- Of which lines of which documents do credit notes take back more than there was?
SELECT original.number, original.line, original.amount, sum(taken.amount) AS taken
FROM (
    SELECT document, number, line ->> 'line' AS line, (line ->> 'amount')::numeric AS amount
    FROM tax_document, jsonb_array_elements(content::jsonb -> 'lines') AS line
    WHERE document IN (SELECT corrects FROM tax_document)
) AS original
JOIN (
    SELECT corrects, line ->> 'line' AS line, (line ->> 'amount')::numeric AS amount
    FROM tax_document, jsonb_array_elements(content::jsonb -> 'lines') AS line
    WHERE corrects IS NOT NULL AND kind <> 'corrected_invoice'
) AS taken ON taken.corrects = original.document AND taken.line = original.line
GROUP BY original.number, original.line, original.amount
HAVING sum(taken.amount) NOT BETWEEN least(original.amount, 0) AND greatest(original.amount, 0)
ORDER BY original.number, original.line
LIMIT 10
"""

BROKEN_CORRECTED_VAT = """
-- Of which VAT rates of which documents do credit notes take back more than there was, or all of it with other VAT?
SELECT original.number, original.treatment, original.net, original.vat, sum(taken.net) AS net_taken,
    sum(taken.vat) AS vat_taken
FROM (
    SELECT document, number, (rate ->> 'treatment') AS treatment, (rate ->> 'net')::numeric AS net,
        (rate ->> 'vat')::numeric AS vat
    FROM tax_document, jsonb_array_elements(content::jsonb -> 'breakdown') AS rate
    WHERE document IN (SELECT corrects FROM tax_document)
) AS original
JOIN (
    SELECT corrects, (rate ->> 'treatment') AS treatment, (rate ->> 'net')::numeric AS net,
        (rate ->> 'vat')::numeric AS vat
    FROM tax_document, jsonb_array_elements(content::jsonb -> 'breakdown') AS rate
    WHERE corrects IS NOT NULL AND kind <> 'corrected_invoice'
) AS taken ON taken.corrects = original.document AND taken.treatment = original.treatment
GROUP BY original.number, original.treatment, original.net, original.vat
-- Each credit note rounds its VAT by itself; the one that takes the last of a rate makes up for the cents.
HAVING sum(taken.net) NOT BETWEEN least(original.net, 0) AND greatest(original.net, 0)
    OR (sum(taken.net) = original.net AND sum(taken.vat) <> original.vat)
ORDER BY original.number, original.treatment
LIMIT 10
"""

BROKEN_CORRECTION_KINDS = """
-- Which corrections are of another kind than their originals allow, or put words right and change amounts?
SELECT original.number, original.kind, correcting.number AS correction, correcting.kind AS correction_kind,
    correcting.net_minor, correcting.vat_minor
FROM tax_document AS correcting
JOIN tax_document AS original ON original.document = correcting.corrects
WHERE (original.kind, correcting.kind) NOT IN (('invoice', 'credit_note'), ('invoice', 'corrected_invoice'),
        ('self_billed_invoice', 'self_billed_credit_note'), ('self_billed_invoice', 'corrected_invoice'))
    OR correcting.partner <> original.partner
    OR (correcting.kind = 'corrected_invoice'
        AND (correcting.net_minor, correcting.vat_minor) <> (original.net_minor, original.vat_minor))
ORDER BY correcting.document
LIMIT 10
"""
