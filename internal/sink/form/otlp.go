package form

import (
	"encoding/hex"

	"google.golang.org/protobuf/encoding/protowire"

	"doorward/internal/gate"
)

// The numbers of the fields of opentelemetry.proto.logs.v1, common.v1 and
// resource.v1 that OTLP writes (opentelemetry-proto 1.x).
const (
	otlpResourceLogs = 1 // of ExportLogsServiceRequest

	otlpResource  = 1 // of ResourceLogs
	otlpScopeLogs = 2

	otlpAttributes = 1 // of Resource

	otlpScope      = 1 // of ScopeLogs
	otlpLogRecords = 2

	otlpScopeName    = 1 // of InstrumentationScope
	otlpScopeVersion = 2

	otlpTime             = 1 // of LogRecord
	otlpSeverityNumber   = 2
	otlpSeverityText     = 3
	otlpBody             = 5
	otlpRecordAttributes = 6
	otlpTraceID          = 9
	otlpSpanID           = 10
	otlpObserved         = 11
	otlpEventName        = 12

	otlpKey   = 1 // of KeyValue
	otlpValue = 2

	otlpString = 1 // of AnyValue
	otlpInt    = 3
)

// OTLP is an ExportLogsServiceRequest of records of one log, in protobuf. The body
// of each is its line, its attributes are its fields, named doorward.FIELD.
func OTLP(records []Record, version string) []byte {
	var resource, scope, logs []byte
	resource = appendAttribute(resource, otlpAttributes, "service.name", "doorward")
	resource = appendAttribute(resource, otlpAttributes, "service.version", gate.Visible(version))
	if len(records) > 0 {
		resource = appendAttribute(resource, otlpAttributes, "service.instance.id", gate.Visible(records[0].Origin))
	}
	scope = appendString(scope, otlpScopeName, "doorward.audit")
	scope = appendString(scope, otlpScopeVersion, gate.Visible(version))
	logs = appendMessage(logs, otlpScope, scope)
	for i := range records {
		logs = appendMessage(logs, otlpLogRecords, otlpRecord(&records[i]))
	}
	var all []byte
	all = appendMessage(all, otlpResource, resource)
	all = appendMessage(all, otlpScopeLogs, logs)
	return appendMessage(nil, otlpResourceLogs, all)
}

func otlpRecord(r *Record) []byte {
	severity := [...]uint64{ordinary: 9, refused: 13, failed: 17, incident: 20} // INFO, WARN, ERROR, ERROR4
	word := [...]string{ordinary: "INFO", refused: "WARN", failed: "ERROR", incident: "ERROR4"}
	at := uint64(max(0, r.Time.UnixNano()))
	var b, body []byte
	b = protowire.AppendFixed64(protowire.AppendTag(b, otlpTime, protowire.Fixed64Type), at)
	b = protowire.AppendFixed64(protowire.AppendTag(b, otlpObserved, protowire.Fixed64Type), at)
	b = protowire.AppendVarint(protowire.AppendTag(b, otlpSeverityNumber, protowire.VarintType), severity[r.level()])
	b = appendString(b, otlpSeverityText, word[r.level()])
	b = appendString(b, otlpEventName, "doorward.audit."+gate.Visible(r.known.Kind))
	body = appendString(body, otlpString, string(r.Line))
	b = appendMessage(b, otlpBody, body)
	b = appendDigits(b, otlpTraceID, r.known.Trace, 16)
	b = appendDigits(b, otlpSpanID, r.known.Span, 8)
	for _, f := range r.Fields() {
		switch {
		case f.Text == "":
		case f.Is == Number:
			b = appendNumber(b, "doorward."+f.Name, f.Number)
		default:
			b = appendAttribute(b, otlpRecordAttributes, "doorward."+f.Name, f.Text)
		}
	}
	return b
}

// appendDigits appends an id of so many bytes, which the record has in hexadecimal.
// Anything else is no id, and the collector would refuse the whole batch.
func appendDigits(b []byte, field protowire.Number, digits string, size int) []byte {
	id, err := hex.DecodeString(digits)
	if err != nil || len(id) != size {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), id)
}

func appendAttribute(b []byte, field protowire.Number, key, value string) []byte {
	return appendPair(b, field, key, appendString(nil, otlpString, value))
}

func appendNumber(b []byte, key string, n int64) []byte {
	value := protowire.AppendTag(nil, otlpInt, protowire.VarintType)
	return appendPair(b, otlpRecordAttributes, key, protowire.AppendVarint(value, uint64(n))) //nolint:gosec // as protobuf has int64
}

func appendPair(b []byte, field protowire.Number, key string, value []byte) []byte {
	pair := appendString(nil, otlpKey, key)
	return appendMessage(b, field, appendMessage(pair, otlpValue, value))
}

func appendString(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}
