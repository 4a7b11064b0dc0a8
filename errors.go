package seatrial

import "errors"

// Class says whose turn it is when something fails; its value is the exit code
// of the command line.
type Class int

const (
	// BadInput: the scenario or the command line is wrong.
	BadInput Class = 2
	// InvalidTrial: the trial ran and proves nothing.
	InvalidTrial Class = 3
	// Infrastructure: Docker, the cluster or this machine failed.
	Infrastructure Class = 4
	// Interrupted: the user ended the run; everything was healed.
	Interrupted Class = 130
)

// Error is a failure with what the user can do about it.
type Error struct {
	Class Class
	Err   error
	// Hint is one sentence that a user can act on; empty where there is none.
	Hint string
}

// Fail wraps err with its class and a hint. A nil err stays nil, and an err
// that already has a class and a hint keeps them: the innermost knows best.
func Fail(class Class, err error, hint string) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Class: class, Err: err, Hint: hint}
}

// Explain is what people are to read of an error: its message, and its hint, if it
// has one, in a line of its own. Of nil it is nothing.
func Explain(err error) string {
	var known *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &known) && known.Hint != "":
		return err.Error() + "\nhint: " + known.Hint
	}
	return err.Error()
}

// Error is the message without the hint; [Explain] gives both.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
