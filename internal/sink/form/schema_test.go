package form_test

import (
	"encoding/json"
	"os"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"doorward/internal/sink/form"
)

// ocsfSchema is docs/reference/audit-ocsf.schema.json: what the class API Activity of
// OCSF 1.3.0 requires, and no member that Doorward does not document.
var ocsfSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.Open("../../../docs/reference/audit-ocsf.schema.json")
	if err != nil {
		return nil, err
	}
	defer text.Close()
	doc, err := jsonschema.UnmarshalJSON(text)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("audit-ocsf.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("audit-ocsf.schema.json")
})

// judge holds an event to the schema.
func judge(t *testing.T, event map[string]any) error {
	t.Helper()
	s, err := ocsfSchema()
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(any(event))
}

// Without what the class requires an event is none.
func TestTheSchemaRefuses(t *testing.T) {
	line, err := form.OCSF(parsed(t, recordWith("x")), "v1")
	if err != nil {
		t.Fatal(err)
	}
	for _, required := range []string{"activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint", "time", "type_uid"} {
		event := objectOf(t, line)
		delete(event, required)
		if judge(t, event) == nil {
			t.Errorf("the schema takes an event without %s", required)
		}
	}
	event := objectOf(t, line)
	event["effect"] = "allow"
	if judge(t, event) == nil {
		t.Error("the schema takes an event with a member that is nowhere documented")
	}
}

// wire is a message of protobuf, by field.
type wire map[protowire.Number][][]byte

func wireOf(t *testing.T, b []byte) wire {
	t.Helper()
	all := wire{}
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		b = b[size:]
		size = protowire.ConsumeFieldValue(n, kind, b)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		value := b[:size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b)
		}
		all[n] = append(all[n], value)
		b = b[size:]
	}
	return all
}

// holdsOTLP reads the record back by the field numbers of opentelemetry-proto.
func holdsOTLP(t *testing.T, r *form.Record) {
	t.Helper()
	request := wireOf(t, form.OTLP([]form.Record{*r}, "v1"))
	logs := wireOf(t, request[1][0]) // ResourceLogs
	scope := wireOf(t, logs[2][0])   // ScopeLogs
	if len(request[1]) != 1 || len(scope[2]) != 1 {
		t.Fatalf("OTLP: %d and %d", len(request[1]), len(scope[2]))
	}
	record := wireOf(t, scope[2][0])
	if at, _ := protowire.ConsumeFixed64(record[1][0]); at != uint64(r.Time.UnixNano()) {
		t.Errorf("OTLP: the time is %d", at)
	}
	if body := wireOf(t, record[5][0]); string(body[1][0]) != string(r.Line) {
		t.Errorf("OTLP: the body is %q", body[1][0])
	}
	got := map[string]string{}
	for _, pair := range record[6] {
		p := wireOf(t, pair)
		value, key := wireOf(t, p[2][0]), string(p[1][0])
		if _, there := got[key]; there {
			t.Errorf("OTLP: %s is there twice", key)
		}
		if len(value[1]) == 1 {
			got[key] = string(value[1][0])
		} else {
			n, _ := protowire.ConsumeVarint(value[3][0])
			text, _ := json.Marshal(n)
			got[key] = string(text)
		}
	}
	want := map[string]string{}
	for name, text := range full(r) {
		want["doorward."+name] = text
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("OTLP: %s", d)
	}
}

func TestOTLPOfManyRecords(t *testing.T) {
	var all []form.Record
	for _, s := range hostile {
		all = append(all, *parsed(t, recordWith(s)))
	}
	logs := wireOf(t, wireOf(t, form.OTLP(all, "v1"))[1][0])
	scope := wireOf(t, logs[2][0])
	if len(scope[2]) != len(hostile) {
		t.Errorf("%d records of %d", len(scope[2]), len(hostile))
	}
}
