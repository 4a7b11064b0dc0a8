package report

import (
	"encoding/json"
	"io"
)

// JSON writes the summary as one line.
func JSON(w io.Writer, s *Summary) error { return encode(w, s, "") }

func encode(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}
