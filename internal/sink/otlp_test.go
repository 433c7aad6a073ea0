package sink_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"doorward/internal/sink"
)

// collector is an OpenTelemetry collector that keeps the bodies of log records, by
// HTTP and by gRPC.
type collector struct {
	mu       sync.Mutex
	lines    []string
	status   string // of gRPC; empty: 0
	rejected int64
	broken   bool
}

// ServeHTTP implements http.Handler.
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	var answer []byte
	if c.rejected > 0 {
		partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(c.rejected))
		partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), canary)
		answer = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	}
	switch r.URL.Path {
	case "/v1/logs":
		if r.Header.Get("Content-Type") != "application/x-protobuf" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
	case "/opentelemetry.proto.collector.logs.v1.LogsService/Export":
		if r.ProtoMajor != 2 || r.Header.Get("Content-Type") != "application/grpc" || r.Header.Get("Te") != "trailers" ||
			len(body) < 5 || body[0] != 0 || int(binary.BigEndian.Uint32(body[1:5])) != len(body)-5 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = body[5:]
		w.Header().Set("Content-Type", "application/grpc")
		if c.status != "" { // an answer of a header alone
			w.Header().Set("Grpc-Status", c.status)
			w.Header().Set("Grpc-Message", canary)
			return
		}
		if c.broken {
			return
		}
		w.Header().Set("Trailer", "Grpc-Status")
		defer w.Header().Set("Grpc-Status", "0")
		answer = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(answer))), answer...)
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if c.rejected == 0 {
		c.lines = append(c.lines, bodies(body)...)
	}
	_, _ = w.Write(answer)
}

// bodies are those of the log records of a request.
func bodies(request []byte) (lines []string) {
	for _, logs := range parts(request, 1) {
		for _, scope := range parts(logs, 2) {
			for _, record := range parts(scope, 2) {
				for _, body := range parts(record, 5) {
					for _, line := range parts(body, 1) {
						lines = append(lines, string(line))
					}
				}
			}
		}
	}
	return lines
}

// parts are the fields of one number, of bytes.
func parts(b []byte, want protowire.Number) (all [][]byte) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, kind, b)
		if size < 0 {
			return nil
		}
		if number == want && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b)
			all = append(all, value)
		}
		b = b[size:]
	}
	return all
}

func (c *collector) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.lines...)
}

// speaks is a collector's address; by gRPC in HTTP/2 without TLS.
func speaks(t *testing.T, c *collector, grpc bool) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(c)
	if grpc {
		srv.Config.Protocols = new(http.Protocols)
		srv.Config.Protocols.SetUnencryptedHTTP2(true)
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestOTLP(t *testing.T) {
	for name, grpc := range map[string]bool{"HTTP": false, "gRPC": true} {
		t.Run(name, func(t *testing.T) {
			c := &collector{}
			h := newHouse(t)
			h.start(h.sink("otlp", must(t)(sink.NewOTLP(sink.OTLPConfig{Endpoint: speaks(t, c, grpc), GRPC: grpc, Token: secret}))))
			h.write(1200)
			h.caughtUp()
			h.holds(c.taken())
			h.close()
		})
	}
}

// Whatever a collector says but that it took everything, it has not.
func TestOTLPThatTakesNotAll(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    *collector
		grpc bool
		want string
	}{
		{"HTTP rejects some", &collector{rejected: 3}, false, "rejected some"},
		{"gRPC rejects some", &collector{rejected: 3}, true, "rejected some"},
		{"gRPC says no", &collector{status: "14"}, true, "status 14 of gRPC"},
		{"gRPC without a status", &collector{broken: true}, true, "no status of gRPC"},
		{"gRPC with nonsense", &collector{status: "x"}, true, "no status of gRPC"},
		{"gRPC ok without an answer", &collector{status: "0"}, true, "no message of gRPC"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := must(t)(sink.NewOTLP(sink.OTLPConfig{Endpoint: speaks(t, tc.c, tc.grpc), GRPC: tc.grpc}))
			err := r.Deliver(t.Context(), oneRecord(t))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%v", err)
			}
		})
	}
}
