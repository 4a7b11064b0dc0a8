package main

import (
	"errors"
	"fmt"
	"io"
)

// hintedError is an error with the one thing that the user can do about it.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

func hinted(err error, hint string) error { return hintedError{err, hint} }

// printError writes err and, below it, its innermost hint.
func printError(w io.Writer, err error) {
	fmt.Fprintln(w, "error:", err)
	hint := "run the command again: finished parts are kept"
	for h := (hintedError{}); errors.As(err, &h); err = h.error {
		hint = h.hint
	}
	fmt.Fprintln(w, "hint:", hint)
}
