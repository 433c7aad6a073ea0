package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// startWithin is how long a server may take to come up.
const startWithin = time.Minute

// Server is a redis-server of the test's own. It keeps nothing on disk but what
// SAVE writes, and ends with the test.
type Server struct {
	Addr     string
	Password string

	tb    testing.TB
	args  []string
	admin *redis.Client
	cmd   *exec.Cmd
	out   *bytes.Buffer // read once the process has ended
	ended chan struct{}
}

// Redis starts a server on a loopback port. args are added to its command line.
func Redis(tb testing.TB, args ...string) *Server {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Fatal("redis-server is missing: run scripts/parts")
	}
	s := &Server{tb: tb, Password: "open sesame"}
	tb.Cleanup(s.end)
	dir := tb.TempDir()
	for range 3 { // the port may be taken before the server has it
		port := FreePort(tb)
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		s.args = append([]string{
			path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
			"--dir", dir, "--requirepass", s.Password, "--masterauth", s.Password,
		}, args...)
		if err = s.start(); err == nil {
			return s
		}
	}
	tb.Fatal(err)
	return nil
}

// URL is how a client reaches the server, with its password.
func (s *Server) URL() string { return s.URLAt(s.Addr) }

// URLAt is the URL with another address: that of a Link.
func (s *Server) URLAt(addr string) string {
	return "redis://:open%20sesame@" + addr + "/0"
}

// Start starts the server again, on the same port and with what SAVE wrote.
func (s *Server) Start() {
	s.tb.Helper()
	if err := s.start(); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Server) start() error {
	s.out, s.ended = &bytes.Buffer{}, make(chan struct{})
	s.cmd = exec.CommandContext(context.Background(), s.args[0], s.args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // killed, as a rule
		close(ended)
	}(s.cmd, s.ended)
	s.admin = redis.NewClient(&redis.Options{Addr: s.Addr, Password: s.Password, Protocol: 2, DisableIdentity: true})
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.admin.Ping(ctx).Err() != nil {
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("redis-server has ended: %s", s.out)
		case <-ctx.Done():
			return errors.New("redis-server does not answer")
		}
	}
	return nil
}

// Stop ends the server as a crash does.
func (s *Server) Stop() {
	s.tb.Helper()
	s.end()
}

func (s *Server) end() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.ended
	_ = s.admin.Close()
	s.cmd = nil
}

// Do sends a command and returns its answer. An error ends the test.
func (s *Server) Do(args ...any) any {
	s.tb.Helper()
	answer, err := s.admin.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.tb.Fatalf("%v: %v", args[0], err)
	}
	return answer
}
