package listen_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// The frames of RFC 9113, section 6.
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindow       = 8
	frameContinuation = 9

	endStream  = 1
	endHeaders = 4
)

// wire2 is an HTTP/2 connection of a client that keeps to nothing.
type wire2 struct {
	*tls.Conn
	in *bufio.Reader
}

func dial2(t *testing.T, v *vault, addr string) *wire2 {
	t.Helper()
	conf := v.dialer(nil)
	conf.NextProtos = []string{"h2"}
	c, err := (&tls.Dialer{Config: conf}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	w := &wire2{c.(*tls.Conn), bufio.NewReader(c)} //nolint:forcetypeassert // of a TLS dialer
	if _, err := io.WriteString(w, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = w.send(frameSettings, 0, 0, nil) // what comes back tells
	return w
}

func frame2(kind, flags byte, stream uint32, payload []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return append(binary.BigEndian.AppendUint32(append(b, flags), stream), payload...)
}

func (w *wire2) send(kind, flags byte, stream uint32, payload []byte) error {
	_, err := w.Write(frame2(kind, flags, stream, payload))
	return err
}

// fields encodes a header block without compression (RFC 7541, section 6.2.3).
func fields(pairs ...string) []byte {
	var b []byte
	for i, s := range pairs {
		if i%2 == 0 {
			b = append(b, 0x10)
		}
		if n := len(s); n < 127 {
			b = append(b, byte(n))
		} else {
			b = append(b, 127)
			for n -= 127; n >= 128; n >>= 7 {
				b = append(b, byte(n&127|128))
			}
			b = append(b, byte(n))
		}
		b = append(b, s...)
	}
	return b
}

// outcome reads until stream has an answer (its first byte of HPACK: 0x88 is 200),
// is reset, or the connection ends.
func (w *wire2) outcome(stream uint32) (kind int, status byte) {
	for {
		var head [9]byte
		if _, err := io.ReadFull(w.in, head[:]); err != nil {
			return frameGoAway, 0
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[:4])>>8)
		if _, err := io.ReadFull(w.in, payload); err != nil {
			return frameGoAway, 0
		}
		id := binary.BigEndian.Uint32(head[5:])
		switch head[3] {
		case frameHeaders:
			if id == stream {
				return frameHeaders, payload[0]
			}
		case frameReset:
			if id == stream {
				return frameReset, 0
			}
		case frameGoAway:
			return frameGoAway, 0
		}
	}
}

func good2(addr string, more ...string) []string {
	return append([]string{
		":method", "POST", ":scheme", "https", ":authority", addr, ":path", "/mcp", "authorization", "Bearer alice",
		"content-type", "application/json", "mcp-protocol-version", "2026-07-28", "mcp-method", "tools/list",
	}, more...)
}

func replaced(pairs []string, name, value string) []string {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == name {
			pairs[i+1] = value
		}
	}
	return pairs
}

// HTT-05: what HTTP/2 can carry and HTTP/1 cannot is refused, so that nobody behind
// takes it for something else.
func TestHTT05_HTTP2(t *testing.T) {
	v := newVault(t)
	settings := &listen.Settings{}
	for name, change := range map[string]func(addr string) []string{
		"good":                     func(addr string) []string { return good2(addr) },
		"good length":              func(addr string) []string { return good2(addr, "content-length", "46") },
		"CR LF in a value":         func(addr string) []string { return good2(addr, "x", "a\r\nmcp-name: b") },
		"LF in a value":            func(addr string) []string { return good2(addr, "x", "a\nb") },
		"NUL in a value":           func(addr string) []string { return good2(addr, "x", "a\x00b") },
		"CR in a name":             func(addr string) []string { return good2(addr, "x\r\ny", "a") },
		"colon in a name":          func(addr string) []string { return good2(addr, "x: y", "a") },
		"upper case":               func(addr string) []string { return good2(addr, "X-Up", "a") },
		"empty name":               func(addr string) []string { return good2(addr, "", "a") },
		"transfer-encoding":        func(addr string) []string { return good2(addr, "transfer-encoding", "chunked") },
		"connection":               func(addr string) []string { return good2(addr, "connection", "authorization") },
		"upgrade":                  func(addr string) []string { return good2(addr, "upgrade", "h2c") },
		"length too small":         func(addr string) []string { return good2(addr, "content-length", "5") },
		"length too large":         func(addr string) []string { return good2(addr, "content-length", "500") },
		"two lengths":              func(addr string) []string { return good2(addr, "content-length", "46", "content-length", "5") },
		"length is no number":      func(addr string) []string { return good2(addr, "content-length", "+46") },
		"space in the path":        func(addr string) []string { return replaced(good2(addr), ":path", "/mcp HTTP/1.1\r\nx: y") },
		"only a space in it":       func(addr string) []string { return replaced(good2(addr), ":path", "/mcp x") },
		"absolute path":            func(addr string) []string { return replaced(good2(addr), ":path", "https://"+addr+"/mcp") },
		"path without a slash":     func(addr string) []string { return replaced(good2(addr), ":path", "mcp") },
		"empty path":               func(addr string) []string { return replaced(good2(addr), ":path", "") },
		"other authority":          func(addr string) []string { return replaced(good2(addr), ":authority", "evil") },
		"another host":             func(addr string) []string { return good2(addr, "host", "evil") },
		"host with user":           func(addr string) []string { return replaced(good2(addr), ":authority", "evil@"+addr) },
		"method with a space":      func(addr string) []string { return replaced(good2(addr), ":method", "POST /mcp HTTP/1.1\r\n") },
		"two paths":                func(addr string) []string { return append([]string{":path", "/mcp"}, good2(addr)...) },
		"pseudo header at the end": func(addr string) []string { return good2(addr, ":path", "/mcp") },
		"unknown pseudo header":    func(addr string) []string { return append([]string{":x", "y"}, good2(addr)...) },
	} {
		t.Run(name, func(t *testing.T) {
			p, addr := startAt(t, place{tls: v.open(t), settings: settings})
			w := dial2(t, v, addr)
			_ = w.send(frameHeaders, endHeaders, 1, fields(change(addr)...))
			_ = w.send(frameData, endStream, 1, []byte(list))
			kind, status := w.outcome(1)
			if strings.HasPrefix(name, "good") {
				if kind != frameHeaders || status != 0x88 {
					t.Fatalf("frame %d, status %x", kind, status)
				}
				if in := p.inbound(t); in.Base != "https://"+addr || in.Target != "/mcp" || in.Method != "POST" {
					t.Errorf("the exchange has %s %s %s", in.Base, in.Method, in.Target)
				}
				return
			}
			if kind == frameHeaders && status == 0x88 {
				t.Error("it was answered with 200")
			}
			for _, ex := range p.exchanges() {
				if ex.Call.Message != nil {
					t.Error("it was read as a message")
				}
			}
		})
	}
}

// HTT-09: a client that floods its own connection loses it, and nobody else does.
func TestHTT09_Floods(t *testing.T) {
	flood := func(frames func(i int) []byte, n int) func(*wire2) {
		return func(w *wire2) {
			out := bufio.NewWriterSize(w, 32<<10)
			for i := range n {
				if _, err := out.Write(frames(i)); err != nil {
					return
				}
			}
			_ = out.Flush() // the connection may be gone
		}
	}
	bomb := append([]byte{0x40, 1, 'a', 127, 0x81, 0x1e}, make([]byte, 127+1+30*128)...) // one field of 4 KB for the table
	bomb = append(fields(good2("x")...), bomb...)
	for name, tc := range map[string]struct {
		does func(addr string) func(*wire2)
		ends bool // the server has to end the connection
	}{
		"rapid reset": {func(addr string) func(*wire2) {
			block := fields(good2(addr)...)
			return flood(func(i int) []byte {
				id := uint32(2*i + 1)
				return append(frame2(frameHeaders, endHeaders, id, block), frame2(frameReset, 0, id, []byte{0, 0, 0, 8})...)
			}, 3_000)
		}, false},
		"continuations": {func(addr string) func(*wire2) {
			return flood(func(i int) []byte {
				if i == 0 {
					return frame2(frameHeaders, 0, 1, fields(good2(addr)...))
				}
				return frame2(frameContinuation, 0, 1, fields("x", strings.Repeat("a", 8000)))
			}, 1_000)
		}, true},
		"empty continuations": {func(addr string) func(*wire2) {
			return flood(func(i int) []byte {
				if i == 0 {
					return frame2(frameHeaders, 0, 1, fields(good2(addr)...))
				}
				return frame2(frameContinuation, 0, 1, nil)
			}, 15_000)
		}, false},
		"settings": {func(string) func(*wire2) {
			return flood(func(int) []byte { return frame2(frameSettings, 0, 0, []byte{0, 3, 0, 0, 0, 1}) }, 15_000)
		}, false},
		"pings": {func(string) func(*wire2) {
			return flood(func(int) []byte { return frame2(framePing, 0, 0, make([]byte, 8)) }, 15_000)
		}, false},
		"header table": {func(string) func(*wire2) {
			return flood(func(i int) []byte {
				if i == 0 {
					return frame2(frameHeaders, 0, 1, bomb)
				}
				return frame2(frameContinuation, 0, 1, []byte(strings.Repeat("\xbe", 16_000))) // 16,000 times the field of 4 KB
			}, 100)
		}, true},
		"windows": {func(addr string) func(*wire2) {
			return flood(func(i int) []byte { return frame2(frameWindow, 0, 0, []byte{0, 0, 0, byte(i%2 + 1)}) }, 15_000)
		}, false},
		"window of nothing": {func(addr string) func(*wire2) {
			return flood(func(int) []byte { return frame2(frameWindow, 0, 0, []byte{0, 0, 0, 0}) }, 10)
		}, true},
		"large frame": {func(addr string) func(*wire2) {
			return flood(func(int) []byte { return frame2(frameData, 0, 1, make([]byte, 1<<20)) }, 10)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVault(t)
			p, addr := startAt(t, place{tls: v.open(t)})
			var running, most atomic.Int64
			p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
				now := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
					continue
				}
				_ = result(ctx, ex, c, `{"tools":[]}`)
			}
			neighbour := caller(t, v.dialer(nil), true)
			if got := status(t, neighbour, addr); got != 200 {
				t.Fatalf("before: status %d", got)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			w := dial2(t, v, addr)
			done := make(chan struct{})
			go func() { defer close(done); tc.does(addr)(w) }()
			for range 20 {
				if got := status(t, neighbour, addr); got != 200 {
					t.Errorf("the neighbour: status %d", got)
				}
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = io.Copy(io.Discard, w.in) // however it ends
			}()
			<-done
			if !tc.ends {
				_ = w.Close() // it may be closed
			}
			<-ended
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			if most.Load() > 250 {
				t.Errorf("%d calls at once", most.Load())
			}
		})
	}
}
