package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/seatrial/seatrial"
)

// MaxLine is the longest line that is read, in bytes.
const MaxLine = 16 << 20

// Span is the farthest from its trial's start that a line may claim to be.
const Span = 366 * 24 * time.Hour

// LineError is a line that could not be read. Reading goes on after it.
type LineError struct {
	Number int // of the line, from 1
	Err    error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("journal line %d: %v", e.Number, e.Err) }

// Unwrap gives the cause.
func (e *LineError) Unwrap() error { return e.Err }

// ErrTruncated is the cause of a last line that ends in the middle: whoever
// wrote the journal was killed.
var ErrTruncated = errors.New("the line is cut off")

// ErrTooLong is the cause of a line beyond [MaxLine].
var ErrTooLong = fmt.Errorf("the line is longer than %d MiB", MaxLine>>20)

// Read yields the lines of a journal in their order. A line that is damaged or
// cut off comes as a [LineError] and reading goes on with the next; an error
// of the reader itself is the last that is yielded. Empty lines are skipped.
func Read(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		for number := 1; ; number++ {
			text, err := readLine(in)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, ErrTooLong) {
				yield(Line{}, fmt.Errorf("reading the journal: %w", err))
				return
			}
			last := errors.Is(err, io.EOF)
			if errors.Is(err, ErrTooLong) {
				if !yield(Line{Number: number}, &LineError{number, ErrTooLong}) {
					return
				}
			} else if len(bytes.TrimSpace(text)) > 0 {
				if !yield(parse(text, number, last)) {
					return
				}
			}
			if last {
				return
			}
		}
	}
}

// readLine returns the next line without its newline. At the end it returns
// io.EOF with what is left; of a line that is too long it returns nothing, and
// leaves the reader behind it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			return nil, skipLine(in, err)
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

func skipLine(in *bufio.Reader, err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	if err == nil || errors.Is(err, io.EOF) { // the end of input shows at the next read
		return ErrTooLong
	}
	return err
}

func parse(text []byte, number int, last bool) (Line, error) {
	var in struct {
		body
		At   *float64        `json:"at"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		if last {
			err = ErrTruncated
		}
		return Line{Number: number}, &LineError{number, err}
	}
	if in.At == nil || in.Kind == "" {
		return Line{Number: number}, &LineError{number, errors.New(`"at" or "kind" is missing`)}
	}
	if math.Abs(*in.At) > Span.Seconds() {
		return Line{Number: number}, &LineError{number, fmt.Errorf("at %g s no trial runs", *in.At)}
	}
	return Line{At: seatrial.Seconds(*in.At).Duration(), Kind: in.Kind, Subject: in.Subject, Edge: in.Edge,
		Severity: in.Severity, Message: in.Message, Data: in.Data, Number: number}, nil
}
