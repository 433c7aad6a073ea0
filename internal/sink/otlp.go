package sink

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
	"doorward/internal/sink/form"
)

// OTLPConfig is an OpenTelemetry collector. Endpoint is required.
type OTLPConfig struct {
	Endpoint string // its URL without a path: https, or http on loopback
	GRPC     bool   // speak gRPC, usually on port 4317; else HTTP, usually on 4318
	Token    func() (gate.Secret, error)
	Roots    *x509.CertPool
	Version  string
}

type otlpReceiver struct {
	OTLPConfig
	client *http.Client
	url    string
}

// NewOTLP makes a receiver of log records by OTLP, binary protobuf over HTTP or gRPC.
func NewOTLP(c OTLPConfig) (Receiver, error) {
	var protocols *http.Protocols
	path := "/v1/logs"
	if c.GRPC {
		path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
		protocols = new(http.Protocols)
		protocols.SetHTTP2(true)
		protocols.SetUnencryptedHTTP2(strings.HasPrefix(c.Endpoint, "http:"))
	}
	client, err := newClient(c.Endpoint, c.Roots, protocols)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, errors.New("sink: an OTLP endpoint has no path and no query")
	}
	return &otlpReceiver{c, client, u.Scheme + "://" + u.Host + path}, nil
}

// errRejected is the error of a collector that took a part alone. OTLP says that such
// a request is not sent again; a copy of the audit log that misses records is none.
var errRejected = errors.New("the collector has rejected some of the records")

// Deliver exports the batch.
func (o *otlpReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	message := form.OTLP(batch, o.Version)
	r := request{url: o.url, kind: "application/x-protobuf", body: message, token: o.Token}
	if o.GRPC {
		r.kind, r.trailers = "application/grpc", true
		frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // a batch is below 2 MiB
		r.body = append(frame, message...)
	}
	answer, err := post(ctx, o.client, r)
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
		return errRejected
	}
	return nil
}

// rejected tells whether an ExportLogsServiceResponse has a partial_success (1) with
// rejected_log_records (1) above zero.
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

// Close implements Receiver.
func (o *otlpReceiver) Close() error {
	o.client.CloseIdleConnections()
	return nil
}
