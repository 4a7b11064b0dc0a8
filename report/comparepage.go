package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed compare.html.tmpl
var compareTemplate string

//go:embed compare.css
var compareStyle string

// ComparisonHTML writes the comparison as one file that needs nothing else, in
// the manner of [HTML].
func ComparisonHTML(w io.Writer, c *Comparison) error {
	t, err := template.New("comparison").Funcs(template.FuncMap{
		"unbroken": unbroken,
		"at":       func(place *float64) string { return fmt.Sprintf("%.2f", *place) },
		"css":      func() template.CSS { return template.CSS(pageStyle + compareStyle) },
	}).Parse(compareTemplate)
	if err != nil {
		return fmt.Errorf("parsing the comparison's template: %w", err)
	}
	return t.Execute(w, compareViewOf(c))
}

// compareView is a comparison in the words of its template.
type compareView struct {
	C                          *Comparison
	Title, Headline, Class, By string
	Tiles                      []tile
	Plots                      []*strips
	Figures                    []figureTable
	Verdicts                   htmlTable
	Raw                        htmlTable
	Words                      []pair
	Notes, Since               []string
	SinceRows                  []pair
	Trust                      []pair
}

// figureTable are all the figures of one variant.
type figureTable struct {
	Variant string
	htmlTable
}

// htmlTable is a table whose first column is its rows' head.
type htmlTable struct {
	Head []string
	Rows [][]string
}

func tableOf(rows [][]string) htmlTable { return htmlTable{rows[0], rows[1:]} }

func compareViewOf(c *Comparison) compareView {
	v := compareView{C: c, Title: comparisonTitle(c), Headline: headline(c), Class: headlineClass(c), By: byWhat(c),
		Verdicts: tableOf(verdictRows(c)), Notes: lowerBounds(c)}
	if len(c.Versus) > 0 {
		v.Plots = append(v.Plots, differenceStrips(c))
	}
	v.Plots = append(v.Plots, valueStrips(c))
	for i := range c.Versus {
		one := &c.Versus[i]
		v.Tiles = append(v.Tiles, versusTile(c, one))
		v.Words = append(v.Words, pair{one.Variant, one.Words})
		figures := tableOf(differenceRows(c, one))
		figures.Head[0] = "figure" // its heading has the variant
		v.Figures = append(v.Figures, figureTable{one.Variant, figures})
	}
	for _, l := range c.LeftOut {
		v.Notes = append(v.Notes, "Left out, with its pair: "+leftOutWords(l))
	}
	if c.Since != nil {
		v.Since = sinceNotes(c)
		for _, one := range c.Since.Variants {
			v.SinceRows = append(v.SinceRows, pair{one.Variant, one.Words})
		}
	}
	v.Raw = rawTable(c)
	v.Trust = comparisonTrust(c)
	return v
}

func versusTile(c *Comparison, v *Versus) tile {
	word, _ := decisionTitle(v.Decision)
	d := v.Primary(c.Metric)
	if d.Difference == nil {
		return tile{Label: v.Variant, Value: word}
	}
	return tile{v.Variant, word, fmt.Sprintf("%s %s instead of %s", metricName(c.Metric),
		metricValue(c.Metric, d.Variant), metricValue(c.Metric, d.Baseline))}
}

// headlineClass is the colour of the headline: that of a verdict.
func headlineClass(c *Comparison) string {
	if len(c.Regressed()) > 0 {
		return "fail"
	}
	for _, v := range c.Versus {
		if v.Decision == Inconclusive {
			return "invalid"
		}
	}
	return ""
}

// rawTable has every trial's figure, a seed a row.
func rawTable(c *Comparison) htmlTable {
	t := htmlTable{Head: []string{"seed"}}
	values := map[string]map[uint64]string{}
	for i := range c.Variants {
		v := &c.Variants[i]
		t.Head = append(t.Head, v.Variant)
		values[v.Variant] = map[uint64]string{}
		for _, one := range v.of(c.Metric).Values {
			text := metricValue(c.Metric, &one.Value)
			if one.AtLeast {
				text = "≥ " + text
			}
			values[v.Variant][one.Seed] = text
		}
	}
	for _, seed := range c.Seeds {
		row := []string{fmt.Sprint(seed)}
		for _, v := range c.Variants {
			row = append(row, orNone(values[v.Variant][seed]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func comparisonTrust(c *Comparison) []pair {
	return append(comparedSettings(c), []pair{
		{"Method", strings.Join(how(c), " ")},
		{"Versions", versionWords(c.Versions)},
		{"Scenario SHA-256", orNone(c.SourceSHA256)},
	}...)
}
