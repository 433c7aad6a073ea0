package config

import (
	"errors"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Telemetry is about Doorward's own log, and the traces and metrics that it sends to a
// collector.
type Telemetry struct {
	// OTLP is the URL of an OpenTelemetry collector, without a path: https, or http on loopback. Nothing is sent unless written.
	OTLP string `yaml:"otlp" type:"url"`
	// Protocol of OTLP. Not written: grpc on port 4317, else http.
	Protocol string `yaml:"protocol" enum:"grpc http"`
	// Signals that are sent: both unless written.
	Signals []string `yaml:"signals" enum:"traces metrics"`
	// Token is the secret that the collector gets as a bearer token: at least 16 bytes, with 8 different characters among them. None unless written.
	Token string `yaml:"token" type:"secret name"`
	// Headers are more of what the collector asks for: of each header the secret that is its value.
	Headers map[string]string `yaml:"headers" key:"header" type:"secret name"`
	// CA is the file with the certificates, PEM, that the collector's own is verified by. The system's unless written.
	CA string `yaml:"ca" type:"path"`
	// Sample is the share of exchanges whose spans are kept, from 0 to 1. Clients have no say in it.
	Sample Share `yaml:"sample"`
	// TrustParent lets the sampled flag of a client decide in place of sample, where it is known who the client is.
	TrustParent bool `yaml:"trust_parent"`
	// Propagate is what upstreams are told of a trace, in _meta and in HTTP headers. none: nothing; trace: traceparent; all: tracestate and baggage too, that a known client has put into _meta. Not written: trace where otlp is, else nothing is added to a message or taken out of it.
	Propagate string `yaml:"propagate" enum:"none trace all"`
	// Interval is how often metrics are sent.
	Interval Duration `yaml:"interval"`
	// Log goes to standard error.
	Log Log `yaml:"log"`
}

// Log is Doorward's own log.
type Log struct {
	// Format of a line.
	Format string `yaml:"format" enum:"text json"`
	// Level is the least that is written. `doorward log level` sets another for a time.
	Level string `yaml:"level" enum:"debug info warn error"`
}

// Share is a part of the whole, from 0 to 1.
type Share float64

// UnmarshalText reads a number such as 0.1.
func (s *Share) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n >= 0 && n <= 1) { // what is no number is refused, too
		return errors.New("must be a number from 0 to 1, such as 0.1")
	}
	*s = Share(n)
	return nil
}

// String is the form that the file has.
func (s Share) String() string { return strconv.FormatFloat(float64(s), 'f', -1, 64) }

// Bounds of telemetry. Collectors drop what is older than some minutes.
const (
	minInterval = Duration(time.Second)
	maxInterval = Duration(10 * time.Minute)
	maxSent     = 16 // headers
)

func defaultTelemetry() Telemetry {
	return Telemetry{Sample: 1, Interval: Duration(time.Minute), Log: Log{Format: "text", Level: "info"}}
}

// Sends tells whether a signal goes to the collector.
func (t *Telemetry) Sends(signal string) bool {
	return t.OTLP != "" && (len(t.Signals) == 0 || slices.Contains(t.Signals, signal))
}

// finish fills in what depends on the URL, and gives the paths.
func (t *Telemetry) finish() []*string {
	if t.OTLP == "" {
		return []*string{&t.CA}
	}
	if t.Protocol == "" {
		t.Protocol = protocolAt(t.OTLP)
	}
	if t.Propagate == "" {
		t.Propagate = "trace"
	}
	return []*string{&t.CA}
}

// protocolAt is OTLP's protocol at a URL: gRPC on its own port, 4317; 4318 is that for HTTP.
func protocolAt(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Port() == "4317" {
		return "grpc"
	}
	return "http"
}

func (v *checker) telemetry() {
	t := &v.c.Telemetry
	if t.OTLP == "" {
		for key, written := range map[string]bool{
			"protocol": t.Protocol != "", "signals": len(t.Signals) > 0, "token": t.Token != "", "headers": len(t.Headers) > 0,
			"ca": t.CA != "", "trust_parent": t.TrustParent,
		} {
			if written {
				v.fault("telemetry."+key, "is for otlp, which is not written")
			}
		}
		return
	}
	v.collectorAt("telemetry.otlp", t.OTLP)
	if t.Interval < minInterval || t.Interval > maxInterval {
		v.fault("telemetry.interval", "must be between %v and %v", minInterval, maxInterval)
	}
	if t.Token != "" {
		v.reference("telemetry.token", t.Token)
	}
	if len(t.Headers) > maxSent {
		v.fault("telemetry.headers", "has more than %d", maxSent)
	}
	for name, secret := range t.Headers {
		path := "telemetry.headers." + name
		if why := BadHeader(name); why != "" {
			v.fault(path, "%s", why)
		} else if t.Token != "" && textproto.CanonicalMIMEHeaderKey(name) == "Authorization" {
			v.fault(path, "is what token goes into: write one of them")
		}
		v.reference(path, secret)
	}
}

// collectorAt checks the URL of an OpenTelemetry collector.
func (v *checker) collectorAt(path, raw string) {
	v.endpoint(path, raw)
	if u, err := url.Parse(raw); err == nil && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "") {
		v.fault(path, "must have no path and no query: OTLP says where each signal goes")
	}
}
