package scenarios

import (
	"reflect"
	"testing"
	"time"

	"github.com/seatrial/seatrial"
)

// sample has a field of every kind that the decoder knows.
type sample struct {
	Text     string            `yaml:"text"`
	Choice   string            `yaml:"choice" enum:"red,green"`
	Whole    int               `yaml:"whole"`
	Small    int8              `yaml:"small"`
	Real     float64           `yaml:"real"`
	Yes      bool              `yaml:"yes"`
	Time     time.Duration     `yaml:"time"`
	Rate     seatrial.Rate     `yaml:"rate"`
	Pointer  *time.Duration    `yaml:"pointer"`
	List     []string          `yaml:"list"`
	Map      map[string]string `yaml:"map"`
	Nested   nested            `yaml:"nested"`
	Hidden   string            `yaml:"-"`
	Untagged string
}

type nested struct {
	Items []nested      `yaml:"items"`
	Time  time.Duration `yaml:"time"`
}

func decodeSample(t *testing.T, text string) (sample, []Problem) {
	t.Helper()
	found := &findings{}
	doc := parseDocument("sample.yaml", []byte(text), splitLines([]byte(text)), 0, found)
	out := sample{Choice: "red", Whole: 7}
	if doc != nil {
		d := &decoder{document: doc}
		d.decode(doc.root, reflect.ValueOf(&out).Elem())
	}
	return out, found.problems
}

func TestEveryKindOfValueIsRead(t *testing.T) {
	got, problems := decodeSample(t, `
text: "5"
choice: green
small: -3
real: 5
yes: true
time: 1m30s
rate: 90/m
pointer: 0s
list: [a, b]
map: {k: v}
nested: {items: [{time: 1s}, {}], time: 0}
`)
	if len(problems) > 0 {
		t.Fatal(Problems(problems))
	}
	zero := time.Duration(0)
	want := sample{Text: "5", Choice: "green", Whole: 7, Small: -3, Real: 5, Yes: true, Time: 90 * time.Second,
		Rate: 1.5, Pointer: &zero, List: []string{"a", "b"}, Map: map[string]string{"k": "v"},
		Nested: nested{Items: []nested{{Time: time.Second}, {}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestNullKeepsTheDefaultOfWhatHoldsMany(t *testing.T) {
	got, problems := decodeSample(t, "list:\nmap: ~\nnested: null\npointer:\n")
	if len(problems) > 0 || !reflect.DeepEqual(got, sample{Choice: "red", Whole: 7}) {
		t.Errorf("got %+v, %v", got, problems)
	}
}

func TestEveryMistakeIsFoundAtItsPlace(t *testing.T) {
	for _, tc := range []struct{ text, want, hint string }{
		{"txt: a", "1:1: txt: unknown field", "did you mean text?"},
		{"hidden: a", "1:1: hidden: unknown field", "known here"},
		{"Untagged: a", "1:1: Untagged: unknown field", ""},
		{"text: 5", "1:7: text: 5 is read as a number, text is needed", `put it in quotes: "5"`},
		{"text:", "1:6: text: has no value", ""},
		{"text: [a]", "1:7: text: is a list; a value is needed here", ""},
		{"choice: gren", `1:9: choice: "gren" is not one of red, green`, "did you mean green?"},
		{"whole: 1.5", `1:8: whole: "1.5" is not a whole number`, ""},
		{`whole: "5"`, `1:8: whole: "5" is not a whole number`, ""},
		{"small: 128", "1:8: small: 128 is too large", ""},
		{"whole: 99999999999999999999", "1:8: whole: 99999999999999999999 is too large", ""},
		{"real: much", `1:7: real: "much" is not a number`, ""},
		{"yes: on", `1:6: yes: "on" is neither true nor false`, "write true or false"},
		{"time: 30", `1:7: time: "30" has no unit`, "write 30s or 30ms"},
		{"time: 5 minutes", `1:7: time: "5 minutes" is not a duration`, "such as"},
		{"time: -5s", "1:7: time: -5s is negative", ""},
		{"rate: 20", `1:7: rate: "20" is not a rate`, ""},
		{"list: a", "1:7: list: is a plain value; a list is needed here", ""},
		{"list: [a, 5]", "1:11: list[1]: 5 is read as a number", ""},
		{"map: [a]", "1:6: map: is a list; a map is needed here", ""},
		{"map: {a: 1}", "1:10: map.a: 1 is read as a number", ""},
		{"nested: {items: [{}, {time: 9}]}", `1:29: nested.items[1].time: "9" has no unit`, ""},
		{"time: 1s\ntime: 2s", "2:1: time: written twice; the first is in line 1", ""},
		{"? [a]\n: 1", "1:3: a field's name must be a plain word", ""},
	} {
		_, problems := decodeSample(t, tc.text)
		if len(problems) != 1 {
			t.Errorf("%q: want one problem, got %v", tc.text, problems)
			continue
		}
		if got := problems[0].line(); !startsWith(got, "sample.yaml:"+tc.want) {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
		if !contains(problems[0].Hint, tc.hint) {
			t.Errorf("%q: hint %q lacks %q", tc.text, problems[0].Hint, tc.hint)
		}
	}
}

func TestTheNearestWordIsMeant(t *testing.T) {
	known := []string{"liveMigration", "podDelete", "at", "for", "name"}
	for word, want := range map[string]string{
		"liveMigratoin": "liveMigration", "livemigration": "liveMigration", "podDelet": "podDelete",
		"nmae": "name", "fro": "for", "xyz": "", "": "", "networkPartition": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestTheCaretStandsUnderTheColumn(t *testing.T) {
	p := Problem{File: "f", Line: 12, Column: 4, Message: "m", Snippet: "\täö x"}
	want := "f:12:4: m\n  12 | \täö x\n     | \t  ^"
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
