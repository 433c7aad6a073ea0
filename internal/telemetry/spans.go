package telemetry

import (
	"strconv"
	"time"

	commonpb "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"doorward/internal/gate"
)

// worthTelling is how long a stage takes before it has a span of its own. The histogram
// of stages has them all.
const worthTelling = time.Millisecond

// spans are those of one exchange: the server's, the client's where it went to an
// upstream, and those of stages that took long.
func (e *ended) spans(place func(string) Place) []*tracepb.Span {
	server := e.span(e.trace.Span[:], e.trace.Parent[:], e.title(), 0, e.took)
	server.Kind = tracepb.Span_SPAN_KIND_SERVER
	if e.trace.Settled() {
		server.Flags |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	server.Attributes = e.attributes()
	server.Links = e.links()
	server.Status = e.result(&server.Attributes)
	all := []*tracepb.Span{server}
	if e.sent && e.forwarded > 0 {
		client := e.span(e.trace.Call[:], e.trace.Span[:], e.title(), e.forwarded, e.answering)
		client.Kind = tracepb.Span_SPAN_KIND_CLIENT
		client.Attributes = e.towards(place(e.upstream))
		client.Status = e.answered(&client.Attributes)
		all = append(all, client)
	}
	for i := range e.stages[:e.n] {
		s := &e.stages[i]
		if s.Time < worthTelling {
			continue
		}
		id := e.trace.Span
		id[0] ^= byte(i + 1) // apart from the others of the trace as the span itself is
		one := e.span(id[:], e.trace.Span[:], "stage "+s.Name, s.At, s.Time)
		one.Kind = tracepb.Span_SPAN_KIND_INTERNAL
		one.Attributes = pairs(nil, "doorward.stage", s.Name)
		all = append(all, one)
	}
	return all
}

// span is one that begins a while after the exchange did.
func (e *ended) span(id, parent []byte, name string, after, took time.Duration) *tracepb.Span {
	from := e.at.Add(after)
	s := &tracepb.Span{
		TraceId: e.trace.ID[:], SpanId: append([]byte(nil), id...), Name: name, Flags: sampledHere,
		StartTimeUnixNano: nanos(from), EndTimeUnixNano: nanos(from.Add(took)),
	}
	if string(parent) != string(make([]byte, len(parent))) {
		s.ParentSpanId = parent
	}
	return s
}

// sampledHere are the flags of a span whose parent is in this process (opentelemetry-proto,
// SpanFlags).
const sampledHere = 1 | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)

func nanos(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// title is the method and, of a tool or prompt that is approved, its name (OpenTelemetry
// semantic conventions for MCP).
func (e *ended) title() string {
	if e.name == "" {
		return e.method
	}
	return e.method + " " + e.name
}

// attributes are those of the conventions for MCP servers, and Doorward's own. They have
// no argument, no URI, no address and no principal: the record of the exchange has them.
func (e *ended) attributes() []*commonpb.KeyValue {
	list := e.operation()
	list = pairs(list,
		"mcp.protocol.version", e.version, "mcp.session.id", e.sessionID(), "jsonrpc.request.id", e.request,
		"network.transport", networkTransport(e.transport), "network.protocol.name", networkProtocol(e.transport),
		"doorward.exchange", e.exchange, "doorward.era", e.era, "doorward.upstream", e.upstream,
		"doorward.identity.method", e.identity, "doorward.status", e.status, "doorward.refused_by", e.stage,
	)
	list = count(list, "doorward.request.bytes", e.bytesIn)
	list = count(list, "doorward.reply.bytes", e.bytesOut)
	return count(list, "doorward.findings", e.findings)
}

// operation is what both the server's and the client's span have.
func (e *ended) operation() []*commonpb.KeyValue {
	list := pairs(make([]*commonpb.KeyValue, 0, 16), "mcp.method.name", e.method)
	switch {
	case e.name == "":
	case e.kind == gate.Tool:
		list = pairs(list, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", e.name)
	case e.kind == gate.Prompt:
		list = pairs(list, "gen_ai.prompt.name", e.name)
	}
	return list
}

// towards are the attributes of the client's span.
func (e *ended) towards(p Place) []*commonpb.KeyValue {
	list := pairs(e.operation(), "doorward.upstream", e.upstream)
	if p.Pipe {
		return pairs(list, "network.transport", "pipe")
	}
	list = pairs(list, "network.transport", "tcp", "server.address", p.Address)
	return count(list, "server.port", p.Port)
}

// result says how the exchange ended: a refusal by its stable code.
func (e *ended) result(list *[]*commonpb.KeyValue) *tracepb.Status {
	if e.code == "" {
		return e.answered(list)
	}
	*list = pairs(*list, "error.type", e.code)
	return &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
}

// answered says what the upstream made of the call.
func (e *ended) answered(list *[]*commonpb.KeyValue) *tracepb.Status {
	kind := ""
	switch {
	case e.failure != 0:
		kind = strconv.FormatInt(e.failure, 10)
		*list = pairs(*list, "rpc.response.status_code", kind)
	case e.toolError:
		kind = "tool_error"
	case e.status == "error":
		kind = "_OTHER" // an error whose code is none
	case e.code != "" && e.status == "failed":
		kind = e.code
	default:
		return nil
	}
	*list = pairs(*list, "error.type", kind)
	return &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
}

// links are to what a stranger named as the parent, and to the HTTP request around a
// message that names another.
func (e *ended) links() []*tracepb.Span_Link {
	var list []*tracepb.Span_Link
	r := e.trace.Remote
	if r != nil && e.trace.Settled() {
		r = r.Around
	}
	for ; r != nil; r = r.Around {
		if r.ID != e.trace.ID || r.Parent != e.trace.Parent {
			list = append(list, &tracepb.Span_Link{TraceId: r.ID[:], SpanId: r.Parent[:]})
		}
	}
	return list
}

func networkTransport(of string) string {
	if of == "stdio" {
		return "pipe"
	}
	return "tcp"
}

func networkProtocol(of string) string {
	switch of {
	case "http", "sse":
		return "http"
	case "websocket":
		return "websocket"
	}
	return ""
}

// pairs adds attributes that are not empty.
func pairs(list []*commonpb.KeyValue, all ...string) []*commonpb.KeyValue {
	for i := 0; i+1 < len(all); i += 2 {
		if all[i+1] != "" {
			list = append(list, &commonpb.KeyValue{Key: all[i], Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: all[i+1]}}})
		}
	}
	return list
}

// count adds an attribute that is not zero.
func count(list []*commonpb.KeyValue, name string, n int) []*commonpb.KeyValue {
	if n == 0 {
		return list
	}
	return append(list, &commonpb.KeyValue{Key: name, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(n)}}})
}

// resource is what all of a gateway's spans and metrics are of. It is that of the audit
// log's records in OTLP.
func (s Source) resource() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: pairs(nil,
		"service.name", "doorward", "service.version", gate.Visible(s.Version), "service.instance.id", gate.Visible(s.Instance))}
}

func (s Source) scope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: "doorward", Version: gate.Visible(s.Version)}
}
