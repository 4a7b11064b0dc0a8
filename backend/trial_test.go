package backend

import "testing"

func TestCommandsAreQuotedForAShell(t *testing.T) {
	for word, want := range map[string]string{
		"scenarios/a.yaml": "scenarios/a.yaml", "my file.yaml": "'my file.yaml'", "": "''", "it's": `'it'\''s'`, "a;b": "'a;b'",
	} {
		if got := Quoted(word); got != want {
			t.Errorf("Quoted(%q) = %s, want %s", word, got, want)
		}
	}
}
