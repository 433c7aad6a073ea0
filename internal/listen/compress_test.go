package listen_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/gate"
	"doorward/internal/listen"
)

// manyTools is the result of a list of n tools.
func manyTools(n int) string {
	var b strings.Builder
	b.WriteString(`{"tools":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"tool_%04d","description":"Looks up entry %d of the register and says what is known of it.",`+
			`"inputSchema":{"type":"object","properties":{"id":{"type":"string","description":"The entry's id"},"limit":{"type":"integer","minimum":1}},"required":["id"]}}`, i, i*7919)
	}
	b.WriteString(`],"resultType":"complete","ttlMs":5000,"cacheScope":"private"}`)
	return b.String()
}

// unpacked is the body as it was before its coding.
func unpacked(t *testing.T, resp *http.Response) string {
	t.Helper()
	var r io.Reader = resp.Body
	switch resp.Header.Get("Content-Encoding") {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// RES-25, the other way: what a client may be sent compressed, and what never is.
func TestRES25_WhatIsCompressed(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	large, small := manyTools(100), manyTools(3)
	size := &large
	answer := func(ctx context.Context, ex *gate.Exchange, c gate.Client) { _ = result(ctx, ex, c, *size) }
	catalogues := []string{"tools/list", "resources/list", "resources/templates/list", "prompts/list", "server/discover"}
	others := []string{"tools/call", "resources/read", "prompts/get", "completion/complete", "tasks/get"}
	for _, method := range append(append([]string{}, catalogues...), others...) {
		p.does[method] = answer
	}
	ask := func(t *testing.T, method, coding, want string, header ...string) *http.Response {
		t.Helper()
		lines := append([]string{"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: " + method, "Accept-Encoding: " + coding}, header...)
		if coding == "" {
			lines[2] = "Accept-Encoding: identity" // or net/http asks for gzip itself
		}
		resp := send(t, "POST", "http://"+addr+"/mcp", `{"jsonrpc":"2.0","id":1,"method":"`+method+`"}`, lines...)
		if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != 200 || got != want {
			t.Fatalf("%s, %q: status %d, coding %q, want %q", method, coding, resp.StatusCode, got, want)
		}
		length := resp.ContentLength
		if body := unpacked(t, resp); !strings.Contains(body, *size) {
			t.Errorf("%s, %q: %.200s", method, coding, body)
		} else if want == "" && length != int64(len(body)) && length != -1 || want != "" && (length <= 0 || length >= int64(len(body)/3)) {
			t.Errorf("%s, %q: a length of %d for %d bytes", method, coding, length, len(body))
		}
		return resp
	}
	for _, method := range catalogues {
		for _, coding := range []string{"gzip", "zstd", ""} {
			size = &large
			if got := ask(t, method, coding, coding).Header.Get("Vary"); got != "Origin, Accept-Encoding" {
				t.Errorf("%s, %q: Vary %q", method, coding, got)
			}
		}
		size = &small
		for _, coding := range []string{"gzip", "gzip, identity;q=0"} { // what is small goes as it is
			if got := ask(t, method, coding, "").Header.Get("Vary"); got != "Origin" {
				t.Errorf("%s, small: Vary %q", method, got)
			}
		}
	}
	size = &large
	for _, method := range others {
		for _, coding := range []string{"gzip", "zstd", "gzip, identity;q=0", "*"} {
			if got := ask(t, method, coding, "").Header.Get("Vary"); got != "Origin" {
				t.Errorf("%s: Vary %q", method, got)
			}
		}
	}
	if resp := ask(t, "tools/list", "gzip", "", "Accept: text/event-stream, application/json"); resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%q in place of a stream", resp.Header.Get("Content-Type"))
	}
}

// An error, of whatever size, is not compressed.
func TestRES25_ErrorsAreNotCompressed(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		m := &gate.Message{Kind: gate.Failure, Raw: []byte(`{"jsonrpc":"2.0","error":{"code":-32000,"message":"` + strings.Repeat("x", 64<<10) + `"}}`)}
		_ = c.Deliver(ctx, ex, m)
	}
	resp := send(t, "POST", "http://"+addr+"/mcp", list, append([]string{"Accept-Encoding: gzip"}, modern...)...)
	if got := resp.Header.Get("Content-Encoding"); got != "" || resp.Header.Get("Vary") != "Origin" || len(text(t, resp)) < 64<<10 {
		t.Errorf("coding %q, Vary %q", got, resp.Header.Get("Vary"))
	}
}

// RFC 9110, section 12.5.3: which coding is wanted.
func TestRES25_AcceptEncoding(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) { _ = result(ctx, ex, c, manyTools(40)) }
	for _, tc := range []struct {
		says, want string
	}{
		{"gzip", "gzip"},
		{"GZIP", "gzip"},
		{"x-gzip", "gzip"},
		{"gzip, deflate, br, zstd", "zstd"},
		{"gzip;q=0.5, zstd;q=0.501", "zstd"},
		{"br;q=1.0, gzip ; q=0.8, *;q=0.1", "gzip"},
		{" ,, gzip", "gzip"},
		{"*", "zstd"},
		{"*, zstd;q=0", "gzip"},
		{"*, gzip;q=0", "zstd"},
		{"*;q=0", ""},
		{"zstd, *;q=0", "zstd"},
		{"identity;q=0, zstd", "zstd"},
		{"identity;q=0", ""},
		{"identity", ""},
		{"identity, gzip;q=0.9", ""},
		{"identity;q=0.5, gzip;q=0.5", "gzip"},
		{"gzip;q=0", ""},
		{"gzip;q=0.000", ""},
		{"gzip;q=0.001", "gzip"},
		{"gzip;q=1.000", "gzip"},
		{"gzip, gzip;q=0", ""},
		{"gzip;Q=0", ""},
		{"br, deflate, compress", ""},
		// Not well-formed.
		{"gzip;q=1.001", ""},
		{"gzip;q=2", ""},
		{"gzip;q=-1", ""},
		{"gzip;q=0.1234", ""},
		{"gzip;q=", ""},
		{"gzip;q=0,5", ""},
		{"gzip;q=.5", ""},
		{"gzip;q=1e0", ""},
		{"gzip;q=NaN", ""},
		{"gzip;level=1", ""},
		{"gzip;q=1;q=1", ""},
		{"gzip zstd", ""},
		{"gzip, (", ""},
		{"\xff\xfe, gzip", ""},
		{strings.Repeat("a,", 126) + "gzip", "gzip"}, // 256 bytes
		{strings.Repeat("a,", 127) + "gzip", ""},     // 258
		{strings.Repeat("gzip;q=0.5, ", 2000) + "gzip", ""},          // 24 KB
		{strings.Repeat(",", 20_000) + "gzip", ""},                   // nothing, very often
		{"gzip\r\nAccept-Encoding: " + strings.Repeat("b", 253), ""}, // two lines, 257 bytes
		{"deflate\r\nAccept-Encoding: gzip", "gzip"},                 // two lines are one list
	} {
		first, second, two := strings.Cut(tc.says, "\r\nAccept-Encoding: ")
		lines := append([]string{"Accept-Encoding: " + first}, modern...)
		if two {
			lines = append(lines, "+Accept-Encoding: "+second)
		}
		resp := send(t, "POST", "http://"+addr+"/mcp", list, lines...)
		if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != 200 || got != tc.want {
			t.Errorf("%.60q: status %d, coding %q, want %q", tc.says, resp.StatusCode, got, tc.want)
		}
	}
}

// seen counts the answers that the transport below has unpacked.
type seen struct {
	next     http.RoundTripper
	unpacked atomic.Int64
}

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r)
	if err == nil && resp.Uncompressed {
		s.unpacked.Add(1)
	}
	return resp, err
}

// The official client reads a list that net/http unpacks for it, and calls a tool.
func TestRES25_SDKReadsCompressedLists(t *testing.T) {
	addr := walkedTo(t, &far{tools: manyTools(100)})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	counted := &seen{next: transport}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: "http://" + addr + "/mcp", HTTPClient: &http.Client{Transport: signing{counted}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := counted.unpacked.Load()
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 100 || counted.unpacked.Load() != before+1 {
		t.Errorf("%d tools, %v; %d answers unpacked, %d before", len(tools.Tools), err, counted.unpacked.Load(), before)
	}
	if got, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "tool_0001"}); err != nil || len(got.Content) != 1 {
		t.Errorf("call: %+v, %v", got, err)
	}
	if n := counted.unpacked.Load(); n != before+1 {
		t.Errorf("%d answers unpacked after a call, want %d", n, before+1)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
}

// Many lists at once each arrive whole, whether a packer was free for them or not.
func TestRES25_ManyListsAtOnce(t *testing.T) {
	p, addr := start(t, nil, listen.Limits{})
	p.does["tools/list"] = func(ctx context.Context, ex *gate.Exchange, c gate.Client) {
		_ = result(ctx, ex, c, manyTools(40+len(ex.Call.Message.Bytes(ex.Call.Message.ID))))
	}
	done := make(chan error)
	for i := range 16 {
		go func() {
			done <- func() error {
				id := strings.Repeat("1", i+1)
				r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":"`+id+`","method":"tools/list"}`))
				if err != nil {
					return err
				}
				r.Header = http.Header{
					"Authorization": {"Bearer alice"}, "Content-Type": {"application/json"}, "Accept": {"application/json"},
					"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"tools/list"},
				}
				resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err == nil && !strings.Contains(string(body), manyTools(40+i+3)) {
					err = fmt.Errorf("list %d: %d bytes of another: %.80s", i, len(body), body)
				}
				return err
			}()
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// measured is a ResponseWriter that counts what it is given.
type measured struct {
	sink
	bytes int
}

func (m *measured) Write(b []byte) (int, error) { m.bytes += len(b); return len(b), nil }

// BenchmarkLargeList is a list of 1,000 tools by each coding: the time from
// net/http's request to its answer, and the bytes of that.
func BenchmarkLargeList(b *testing.B) {
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		b.Run(coding, func(b *testing.B) {
			one := benched(b, manyTools(1000))
			var w measured
			for b.Loop() {
				w = measured{sink: sink{header: make(http.Header)}}
				one(&w, coding)
			}
			b.ReportMetric(float64(w.bytes), "bytes/answer")
			if n := w.header.Get("Content-Length"); n != strconv.Itoa(w.bytes) {
				b.Errorf("a length of %s for %d bytes", n, w.bytes)
			}
		})
	}
}
