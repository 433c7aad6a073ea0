package listen

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// DUR-37: what has connected by then is accepted before the listener closes, and what asks
// later does not connect.
func TestDUR37_Quiesce(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const early = 20
	var clients []net.Conn
	for range early {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	accepted := make(chan int, 1)
	go func() {
		n := 0
		for {
			c, err := l.Accept()
			if err != nil {
				accepted <- n
				return
			}
			n++
			_, _ = io.WriteString(c, "y") // the client looks
			_ = c.Close()
		}
	}()
	quiesce(l)
	late := net.Dialer{Timeout: 100 * time.Millisecond}
	if c, err := late.Dial("tcp", l.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("a connection began after the listener was quiet")
	} else if network := net.Error(nil); !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("a late client is told %v, want nothing", err)
	}
	_ = l.Close()
	if n := <-accepted; n != early {
		t.Errorf("%d of %d connections were accepted", n, early)
	}
	for i, c := range clients {
		var b [1]byte
		if _, err := io.ReadFull(c, b[:]); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
}

// A listener of another kind, or one that is closed, keeps nobody waiting.
func TestQuiesceWithoutAFilter(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = t.TempDir() + "/s"
		}
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		quiesce(l)
	}
}
