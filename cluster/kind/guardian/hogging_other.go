//go:build !linux

package guardian

import (
	"context"
	"errors"
	"runtime"
)

func (hogging) run(context.Context) error {
	return errors.New("it needs Linux, not " + runtime.GOOS)
}
