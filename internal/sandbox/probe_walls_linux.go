package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// probeDial is how long the probe waits for what should be refused at once.
const probeDial = 200 * time.Millisecond

func (q *question) outside() error {
	if _, err := os.ReadFile(q.Outside); err == nil {
		return fmt.Errorf("%s can be read", q.Outside)
	}
	return nil
}

// own looks at what is Doorward's: nothing is there, or something empty that hides it.
func (q *question) own() error {
	for _, path := range q.Own {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		n, _ := unix.Read(fd, make([]byte, 1)) // fails of a directory
		_ = unix.Close(fd)
		if entries, _ := os.ReadDir(path); n > 0 || len(entries) > 0 {
			return fmt.Errorf("%s can be read", path)
		}
	}
	return nil
}

// closed tries to make a file in what may be read at most.
func (q *question) closed() error {
	for _, dir := range q.Closed {
		path := filepath.Join(dir, filepath.Base(filepath.Dir(q.Outside))) // a name that nobody has
		if f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			_ = f.Close()
			_ = os.Remove(path)
			return fmt.Errorf("%s can be written", dir)
		}
	}
	return nil
}

// others tries the other roots that a process could have.
func (q *question) others() error {
	for _, root := range []string{"/proc/1/root", "/proc/1/cwd", "/proc/self/root", "/proc/self/cwd/../../../../../.."} {
		if _, err := os.ReadFile(root + q.Outside); err == nil {
			return fmt.Errorf("%s leads to %s", root, q.Outside)
		}
	}
	return nil
}

func (q *question) reachable() string {
	if q.Egress {
		return "the proxy at " + Proxy
	}
	return "nothing"
}

// network dials what answers outside, and what does inside.
func (q *question) network() error {
	dialer := net.Dialer{Timeout: probeDial}
	dial := func(network, address string) error {
		c, err := dialer.DialContext(context.Background(), network, address)
		if err == nil {
			_, _ = c.Write([]byte("probe")) // of UDP: the gateway listens
			_ = c.Close()
		}
		return err
	}
	for _, to := range [][2]string{{"tcp", q.TCP}, {"unix", q.Unix}, {"unix", q.Abstract}, {"tcp", "169.254.169.254:80"}, {"tcp", "192.0.2.1:443"}, {"tcp", "[2001:db8::1]:443"}} {
		if dial(to[0], to[1]) == nil {
			return fmt.Errorf("%s %s answers", to[0], to[1])
		}
	}
	_ = dial("udp", q.UDP)
	if err := onlyLoopback(); err != nil {
		return err
	}
	if err := dial("tcp", Proxy); (err == nil) != q.Egress {
		return fmt.Errorf("the proxy at %s: %w", Proxy, errors.Join(err, errors.New("it is there where it should not be, or is not where it should")))
	}
	return nil
}

// onlyLoopback looks for a network device that is more than this namespace's own.
func onlyLoopback() error {
	raw, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return fmt.Errorf("looking for network devices: %w", err)
	}
	for line := range bytes.Lines(raw) {
		name, _, ok := strings.Cut(string(line), ":")
		if name = strings.TrimSpace(name); ok && name != "lo" {
			return fmt.Errorf("there is the network device %s", name)
		}
	}
	return nil
}

// landlock tries what a mount and a mode allow, and Landlock alone does not: to write
// to /dev/urandom, and from its fourth version on to listen.
func (q *question) landlock() error {
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err == nil {
		_ = f.Close()
		return errors.New("/dev/urandom can be opened to write")
	}
	if !errors.Is(err, unix.EACCES) {
		return err
	}
	if landlockABI() < 4 {
		return nil
	}
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // which Landlock does not see, and the filter refuses
	l, err := lc.Listen(context.Background(), "tcp", "0.0.0.0:0")
	if err == nil {
		_ = l.Close()
		return errors.New("a TCP port can be opened")
	}
	return nil
}
