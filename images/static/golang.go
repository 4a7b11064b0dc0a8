package static

import (
	"context"
	"os"
	"os/exec"
)

// Go is the go command in a module's folder, for static Linux binaries of that
// architecture. The workspace and the flags of whoever calls are for their module.
func Go(ctx context.Context, module, arch string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "go", args...)
	c.Dir = module
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	return c
}
