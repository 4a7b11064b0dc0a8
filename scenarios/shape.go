package scenarios

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/seatrial/seatrial"
)

// maxPoints bounds a recorded rate: it is sent to every agent.
const maxPoints = 10_000

// decodeLoad decodes a load, whose rate is a number or a map with a shape.
func (p *parser) decodeLoad(n *yaml.Node, v reflect.Value) {
	load := v.Addr().Interface().(*seatrial.Load)
	_, rate := field(n, "rate")
	if rate == nil || rate.Kind != yaml.MappingNode {
		p.structure(n, v)
		return
	}
	p.structure(p.without(n, "rate"), v)
	p.decode(rate, reflect.ValueOf(&load.Shape).Elem())
	if load.Shape.Constant() {
		p.badHint(where{node: rate}, "such as rate: 200/s, or rate: {ramp: {from: 50/s, to: 200/s, over: 60s}}", "has neither a rate nor a shape")
	}
}

// decodeReplay reads the file that a replay names.
func (p *parser) decodeReplay(n *yaml.Node, v reflect.Value) {
	r := v.Addr().Interface().(*seatrial.Replay)
	p.decode(n, reflect.ValueOf(&r.File).Elem())
	if r.File == "" {
		return
	}
	data, ok := p.render.read(p.document, where{node: n}, r.File)
	if !ok {
		return
	}
	points, err := readRates(data)
	if err != nil {
		p.badHint(where{node: n}, "lines of seconds and requests a second, such as 0,120 and then 10,150", "%s: %v", r.File, err)
	}
	r.Points = points
}

// readRates reads a CSV of seconds and requests a second. A first line of words
// is a heading.
func readRates(data []byte) ([]seatrial.Point, error) {
	lines := csv.NewReader(bytes.NewReader(data))
	lines.FieldsPerRecord = 2
	lines.Comment = '#'
	lines.TrimLeadingSpace = true
	var points []seatrial.Point
	for first := true; ; first = false {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return points, nil
		}
		if err != nil {
			return nil, err
		}
		point, err := readPoint(fields)
		line, _ := lines.FieldPos(0)
		switch {
		case err != nil && first && strings.Trim(fields[0]+fields[1], "0123456789.+-") == fields[0]+fields[1]:
			continue
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", line, err)
		case len(points) == maxPoints:
			return nil, fmt.Errorf("line %d: more than %d points", line, maxPoints)
		}
		points = append(points, point)
	}
}

func readPoint(fields []string) (seatrial.Point, error) {
	at, err := strconv.ParseFloat(strings.TrimSpace(fields[0]), 64)
	if err != nil || !(at >= 0 && at <= 1e6) {
		return seatrial.Point{}, fmt.Errorf("%q is no time in seconds", fields[0])
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(fields[1]), 64)
	if err != nil || !(rate >= 0 && rate <= maxRate) {
		return seatrial.Point{}, fmt.Errorf("%q is no rate between 0 and %.0f a second", fields[1], maxRate)
	}
	return seatrial.Point{At: time.Duration(at * float64(time.Second)), PerSecond: rate}, nil
}

// shape reports changes of a rate that never come.
func (p *parser) shape(n *yaml.Node, s seatrial.Shape, trial time.Duration) {
	last, place := time.Duration(0), find(n, "rate")
	switch {
	case trial == 0: // reported already
	case s.Spike != nil:
		last, place = s.Spike.At, find(n, "rate", "spike", "at")
	case s.Steps != nil:
		for _, step := range s.Steps[:len(s.Steps)-1] {
			last += step.For
		}
		place = find(n, "rate", "steps", len(s.Steps)-1)
	}
	if last > 0 && last >= trial {
		p.badHint(place, "shapes count from the trial's start, after the warm-up", "%s lies beyond the trial, which takes %s", short(last), short(trial))
	}
}
