package sink_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"doorward/internal/audit"
	"doorward/internal/sink"
	"doorward/internal/sink/form"
	"doorward/internal/store/storetest"
)

// daemon is a receiver of syslog that keeps the messages it has read.
type daemon struct {
	t  *testing.T
	mu sync.Mutex
	ln net.Listener
	on map[net.Conn]bool
	wg sync.WaitGroup

	messages []string
	bad      error
}

// listenTCP starts one at an address; secure: with TLS.
func listenTCP(t *testing.T, address string, secure *tls.Config) *daemon {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		ln = tls.NewListener(ln, secure)
	}
	d := &daemon{t: t, ln: ln, on: map[net.Conn]bool{}}
	d.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			d.on[conn] = true
			d.mu.Unlock()
			d.wg.Go(func() { d.read(conn) })
		}
	})
	t.Cleanup(d.kill)
	return d
}

// read reads messages with their length before them (RFC 6587, section 3.4.1).
func (d *daemon) read(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil || length[0] == '0' {
			d.mu.Lock()
			d.bad = fmt.Errorf("no frame: %q", length)
			d.mu.Unlock()
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		d.mu.Lock()
		d.messages = append(d.messages, string(message))
		d.mu.Unlock()
	}
}

// kill ends it and every connection.
func (d *daemon) kill() {
	d.ln.Close()
	d.mu.Lock()
	for conn := range d.on {
		conn.Close()
	}
	d.mu.Unlock()
	d.wg.Wait()
}

func (d *daemon) taken() []string {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bad != nil {
		d.t.Fatal(d.bad)
	}
	return append([]string(nil), d.messages...)
}

// carried are the texts of messages with format json: lines of the log.
func carried(t *testing.T, messages []string) (lines []string) {
	t.Helper()
	for _, m := range messages {
		_, line, ok := strings.Cut(m, `"] `)
		if !ok || !strings.HasPrefix(m, "<110>1 ") && !strings.HasPrefix(m, "<107>1 ") || !strings.Contains(m, `origin="doorward/test"`) {
			t.Fatalf("no message of ours: %q", m)
		}
		lines = append(lines, line)
	}
	return lines
}

func syslogAt(t *testing.T, address, transport, format string) sink.Receiver {
	t.Helper()
	return must(t)(sink.NewSyslog(sink.SyslogConfig{Address: address, Transport: transport, Format: format, Host: "gw", Version: "v1"}))
}

// DUR-08 over TCP: the receiver is killed and comes back, with a restart in between.
func TestDUR08SyslogTCP(t *testing.T) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(storetest.FreePort(t))) // also while nobody listens
	first := listenTCP(t, address, nil)
	h := newHouse(t)
	h.start(h.sink("syslog", syslogAt(t, address, "tcp", "json")))
	h.write(1200)
	h.caughtUp()
	first.kill()
	h.write(100)
	until(t, "a failure", func() bool { return h.set.Stats()[0].Failing })
	h.stop(time.Second)
	h.start(h.sink("syslog", syslogAt(t, address, "tcp", "json")))
	h.write(100)
	until(t, "a failure", func() bool { return h.set.Stats()[0].Failing })
	second := listenTCP(t, address, nil)
	h.caughtUp()
	h.stop(time.Minute)
	second.kill()
	got := carried(t, append(first.taken(), second.taken()...))
	h.holds(once(t, got))
	h.close()
}

func TestSyslogTLS(t *testing.T) {
	srv := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(srv.Close)
	d := listenTCP(t, "127.0.0.1:0", &tls.Config{Certificates: srv.TLS.Certificates})
	address := d.ln.Addr().String()
	distrusted := must(t)(sink.NewSyslog(sink.SyslogConfig{Address: address, Transport: "tls", Format: "cef"}))
	if err := distrusted.Deliver(t.Context(), oneRecord(t)); err == nil || !strings.Contains(err.Error(), "certificate is not one to trust") {
		t.Errorf("%v", err)
	}
	roots := srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	h := newHouse(t)
	h.start(h.sink("syslog", must(t)(sink.NewSyslog(sink.SyslogConfig{Address: address, Transport: "tls", Format: "json", Roots: roots}))))
	h.write(1200)
	h.caughtUp()
	h.write(5) // after the connection has been idle
	h.caughtUp()
	h.stop(time.Minute)
	d.kill()
	h.holds(carried(t, d.taken()))
	h.close()
}

func TestSyslogUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	r := syslogAt(t, conn.LocalAddr().String(), "udp", "json")
	defer r.Close()
	buf := make([]byte, 64<<10)
	for _, tc := range []struct {
		name string
		line []byte
		want string
	}{
		{"a record", oneRecord(t)[0].Line, string(oneRecord(t)[0].Line)},
		{"one that no datagram holds", (&audit.Record{Seq: 1, Time: time.Now(), Kind: audit.KindOutcome, Status: "ok", Plain: []byte(strings.Repeat("x", 32<<10))}).AppendJSON(nil), `cut="true"]`},
	} {
		rec, err := form.Parse("doorward/test", tc.line)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Deliver(t.Context(), []form.Record{rec}); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := conn.ReadFrom(buf)
		if err != nil || !strings.HasSuffix(string(buf[:n]), tc.want) {
			t.Errorf("%s: %v: %q", tc.name, err, buf[:n])
		}
	}
}

// With cef and rfc5424 the messages are those of the forms.
func TestSyslogFormats(t *testing.T) {
	d := listenTCP(t, "127.0.0.1:0", nil)
	for _, format := range []string{"cef", "rfc5424"} {
		r := syslogAt(t, d.ln.Addr().String(), "tcp", format)
		if err := r.Deliver(t.Context(), oneRecord(t)); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	until(t, "both", func() bool { return len(d.taken()) == 2 })
	all := strings.Join(d.taken(), "\n")
	if !strings.Contains(all, "] CEF:0|Doorward|Doorward|v1|") || !strings.Contains(all, ` kind="event"`) || !strings.Contains(all, " gw doorward ") {
		t.Errorf("%s", all)
	}
}

// A receiver that takes nothing, talks back, or goes away in the middle has not taken
// the batch.
func TestSyslogThatMisbehaves(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"closes":     func(c net.Conn) { c.Close() },
		"talks back": func(c net.Conn) { _, _ = io.WriteString(c, canary) },
		"resets": func(c net.Conn) {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var served sync.WaitGroup
			served.Go(func() {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				serve(conn)
				_, _ = io.Copy(io.Discard, conn)
			})
			r := syslogAt(t, ln.Addr().String(), "tcp", "json")
			if err := r.Deliver(t.Context(), oneRecord(t)); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%v", err)
			}
			r.Close()
			ln.Close()
			served.Wait()
		})
	}
}

// A receiver that reads nothing ends the batch with its context.
func TestSyslogThatHangs(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	line := (&audit.Record{Seq: 1, Time: time.Now(), Kind: audit.KindEvent, Plain: []byte(strings.Repeat("x", 32<<10))}).AppendJSON(nil)
	rec, err := form.Parse("doorward/test", line)
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]form.Record, 400) // more than the buffers of a connection on loopback hold
	for i := range batch {
		batch[i] = rec
	}
	r := syslogAt(t, ln.Addr().String(), "tcp", "json")
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := r.Deliver(ctx, batch); err == nil || errors.Is(err, io.EOF) || time.Since(began) > time.Minute {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
