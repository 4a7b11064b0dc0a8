package guardian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Main is the command `guardian serve`, the server itself, and `guardian
// dial`, which joins standard input and output to it: `docker exec -i` of the
// latter is how a client comes in.
func Main(ctx context.Context, args []string) error {
	if len(args) == 1 && args[0] == "serve" {
		return serve(ctx)
	}
	if len(args) == 1 && args[0] == "dial" {
		return dial(ctx, os.Stdin, os.Stdout)
	}
	return fmt.Errorf("guardian: %q is neither serve nor dial", args)
}

// undoAll bounds the undoing when the guardian is told to leave: docker stop
// kills after 10 s.
const undoAll = 9 * time.Second

func serve(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	m, err := newMachine()
	if err != nil {
		return fmt.Errorf("guardian: %w", err)
	}
	l, err := net.Listen("unix", Socket)
	if err != nil {
		return fmt.Errorf("guardian: listening: %w", err)
	}
	s := newServer(m, func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "guardian: "+format+"\n", args...)
	})
	s.memory = "/actions"
	err = errors.Join(s.resume(), s.serve(ctx, l, idle))
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoAll)
	defer cancel()
	return errors.Join(err, s.close(undo))
}

// starting is how long dial waits for a server that comes up.
const starting = 10 * time.Second

// dial ends when either side does.
func dial(ctx context.Context, in io.Reader, out io.Writer) error {
	conn, err := connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, in)
		sent <- errors.Join(err, conn.CloseWrite())
	}()
	// The answers end once the server saw the end of the requests and has
	// answered them. A server that leaves first ends the process, and with it
	// the copying from standard input, which nothing else could interrupt.
	if _, err := io.Copy(out, conn); err != nil {
		return fmt.Errorf("guardian: passing answers on: %w", err)
	}
	select {
	case err := <-sent:
		return err
	default:
		return errors.New("guardian: the server has left")
	}
}

// connect tries again while the container is starting.
func connect(ctx context.Context) (*net.UnixConn, error) {
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: Socket, Net: "unix"})
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("guardian: no server answers: %w", err)
		case <-tick.C:
		}
	}
}
