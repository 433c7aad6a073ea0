package collector

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"doorward/internal/gate"
)

// Signal is one of the kinds of what OTLP carries.
type Signal string

// The signals, as OTLP names them in its paths.
const (
	Logs    Signal = "logs"
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
)

// grpcMethod is where the signal's service is in gRPC (opentelemetry-proto 1.x).
func (s Signal) grpcMethod() string {
	name := map[Signal]string{Logs: "Logs", Traces: "Trace", Metrics: "Metrics"}[s]
	return "/opentelemetry.proto.collector." + strings.ToLower(name) + ".v1." + name + "Service/Export"
}

// Config is an OpenTelemetry collector. Endpoint is required.
type Config struct {
	Endpoint string // its URL without a path: https, or http on loopback
	GRPC     bool   // speak gRPC, usually on port 4317; else HTTP, usually on 4318
	Token    func() (gate.Secret, error)
	Headers  map[string]func() (gate.Secret, error)
	Roots    *x509.CertPool
}

// Collector takes the messages of OTLP.
type Collector struct {
	Config
	client *http.Client
	base   string
}

// New makes a sender of OTLP, binary protobuf over HTTP or gRPC.
func New(c Config) (*Collector, error) {
	var protocols *http.Protocols
	if c.GRPC {
		protocols = new(http.Protocols)
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(strings.HasPrefix(c.Endpoint, "http:"))
	}
	client, err := NewClient(c.Endpoint, c.Roots, protocols)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("an OTLP endpoint has no path and no query")
	}
	return &Collector{c, client, u.Scheme + "://" + u.Host}, nil
}

// ErrRejected is the error of a collector that took a part alone. OTLP says that such
// a request is not sent again.
var ErrRejected = errors.New("the collector has rejected some of it")

// Export sends an export request of a signal, below 4 GiB, and reads what became of it.
func (o *Collector) Export(ctx context.Context, s Signal, message []byte) error {
	r := Request{URL: o.base + "/v1/" + string(s), Kind: "application/x-protobuf", Body: message, Token: o.Token, Headers: o.Headers}
	if o.GRPC {
		r.URL, r.Kind, r.trailers = o.base+s.grpcMethod(), "application/grpc", true
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // the caller's bound
		r.Body = append(frame, message...)
	}
	answer, err := Post(ctx, o.client, r)
	if err != nil {
		return err
	}
	if o.GRPC {
		const prefix = 5 // not compressed, and the length
		if len(answer) < prefix || answer[0] != 0 {
			return errors.New("the collector's answer is no message of gRPC")
		}
		answer = answer[prefix:]
	}
	if rejected(answer) {
		return ErrRejected
	}
	return nil
}

// rejected tells whether an export response has a partial_success (1) whose rejected
// records, spans or points (1) are above zero.
func rejected(response []byte) bool {
	partial, ok := fieldOf(response, 1, protowire.BytesType)
	if !ok {
		return false
	}
	partial, n := protowire.ConsumeBytes(partial)
	if n < 0 {
		return false
	}
	count, ok := fieldOf(partial, 1, protowire.VarintType)
	if !ok {
		return false
	}
	v, n := protowire.ConsumeVarint(count)
	return n > 0 && v > 0
}

// fieldOf finds a field of a message. What is no protobuf, such as an answer in JSON,
// has none.
func fieldOf(b []byte, want protowire.Number, kind protowire.Type) ([]byte, bool) {
	for len(b) > 0 {
		number, is, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, is, b)
		if size < 0 {
			return nil, false
		}
		if number == want && is == kind {
			return b[:size], true
		}
		b = b[size:]
	}
	return nil, false
}

// grpcStatus is the status of a call, which is in the trailer, or in the header of an
// answer without a body.
func grpcStatus(res *http.Response) error {
	status := res.Trailer.Get("Grpc-Status")
	if status == "" {
		status = res.Header.Get("Grpc-Status")
	}
	code, err := strconv.ParseUint(status, 10, 8)
	switch {
	case err != nil:
		return errors.New("the collector's answer has no status of gRPC")
	case code != 0:
		return fmt.Errorf("the collector answered with status %d of gRPC", code)
	}
	return nil
}

// Close ends what connections are open.
func (o *Collector) Close() { o.client.CloseIdleConnections() }
