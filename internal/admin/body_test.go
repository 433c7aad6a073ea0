package admin

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"doorward/internal/gate"
)

// FuzzStrictly: what is taken is read as encoding/json reads it, too, and so does every
// program that is written with that.
func FuzzStrictly(f *testing.F) {
	for _, seed := range []string{`{"name":"x","roles":["a"]}`, `{"name":"x","name":"y"}`, `{"name":"x"} {}`, `{"NAME":"x"}`, `null`, `[]`, "{\"name\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var strict, plain KeyRequest
		if strictly(bytes.NewReader(body), &strict) != nil {
			return
		}
		if err := json.Unmarshal(body, &plain); err != nil || !reflect.DeepEqual(strict, plain) {
			t.Errorf("%q is %+v here and %+v there, %v", body, strict, plain, err)
		}
	})
}

// What a client of ours writes is read as it was.
func TestStrictlyReadsWhatIsWritten(t *testing.T) {
	for _, v := range []any{
		keyRef{ID: "k_1", Overlap: 90 * time.Minute},
		[]Ref{{Upstream: "up", Name: "x"}},
		Loss{List: "keys", Reason: "<&>"},
		Revocation{Kind: "token", Until: time.Unix(1_800_000_000, 0).UTC()},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(v))
		if err := strictly(bytes.NewReader(text), got.Interface()); err != nil || !reflect.DeepEqual(got.Elem().Interface(), v) {
			t.Errorf("%s is read as %+v, %v", text, got.Elem(), err)
		}
	}
}

// Who begins to send and does not end is not waited for.
func TestABodyThatDoesNotEnd(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := readBody(w, r, 50*time.Millisecond); err != nil {
			answer(w, http.StatusUnprocessableEntity, fault{Code: string(gate.CodeParams), Error: err.Error()})
			return
		}
		answer(w, http.StatusOK, struct{}{})
	}))
	defer s.Close()
	body, hold := io.Pipe()
	defer func() { _ = hold.Close() }()
	go func() { _, _ = hold.Write([]byte("{")) }()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Client().Do(req)
	if err != nil {
		return // the connection is closed: it was not waited for
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("answered %d", res.StatusCode)
	}
}
