package plan

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/seatrial/seatrial"
)

// What a load that leaves a field open gets.
const (
	DefaultUsers       = 50
	DefaultConnections = seatrial.Connections(1)
	DefaultTimeout     = 30 * time.Second
	DefaultMethod      = http.MethodGet
	DefaultHurt        = time.Second
)

// Fill returns the load with its defaults in place of zero fields.
func Fill(l seatrial.Load) seatrial.Load {
	if l.Users == 0 {
		l.Users = DefaultUsers
	}
	if l.Connections == 0 {
		l.Connections = DefaultConnections
	}
	if l.Method == "" {
		l.Method = DefaultMethod
	}
	if !l.Shape.Constant() {
		l.Rate = highest(l.Shape)
	}
	l.Client = fillClient(l.Client, repeatableLoad(l))
	return l
}

// Check says, in one error for all of it, why a filled load cannot be sent.
func Check(l seatrial.Load) error {
	err := errors.Join(
		unless(l.Users > 0, "its users %d are not above 0", l.Users),
		unless(l.Connections > 0 || l.Connections == seatrial.PerRequest, "its connections %d are not above 0", l.Connections),
	)
	for _, p := range slices.Concat(CheckRate(l), CheckTargets(l), CheckConnection(l), CheckPool(l), CheckClient(l)) {
		err = errors.Join(err, p)
	}
	if err != nil {
		return fmt.Errorf("load %q: %w", l.Name, err)
	}
	return nil
}

func unless(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}
