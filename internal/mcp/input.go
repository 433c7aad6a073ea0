package mcp

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/jsonrpc"
)

// The requests that a server asks a client with, in either era.
const (
	methodSampling = "sampling/createMessage"
)

// MethodElicit asks a client's user, in either era; Doorward does so of its own
// where a rule wants the caller's confirmation.
const MethodElicit = "elicitation/create"

// InputRequest is one question to a client: in the stateless era a member of an
// input_required result (SEP-2322), in the stateful era a request.
type InputRequest struct {
	Key    string // the member's name; the server chooses it
	Method string
	Params []byte // JSON object; nil for none
}

// InputRequests reads a result that asks for input: required says whether it
// does. state is its requestState token, nil for none. A result that asks
// breaks the protocol when it has neither questions nor state, more than
// MaxInputRequests questions, or one that is no request. The order is that of
// the result. The upstream adapter calls it; decode judges the questions
// (CheckResult) where the client sees the result itself, and MayAsk each of
// them where it does not.
func InputRequests(m *gate.Message) (list []InputRequest, state []byte, required bool, err error) {
	at, _ := m.Field(fieldResultType)
	if kind, _ := unquote(m.Bytes(at)); m.Kind != gate.Result || kind != "input_required" {
		return nil, nil, false, nil
	}
	requests, asked := m.Field(fieldRequests)
	stateAt, resumed := m.Field(fieldState)
	state = m.Bytes(stateAt)
	if _, ok := unquote(state); resumed && !ok {
		return nil, nil, true, errors.New("requestState is not a string")
	}
	if !asked {
		if !resumed {
			err = errors.New("input_required with neither inputRequests nor requestState")
		}
		return nil, state, true, err
	}
	if list, err = readRequests(m.Bytes(requests)); err != nil {
		return nil, nil, true, err
	}
	return list, state, true, nil
}

func readRequests(raw []byte) ([]InputRequest, error) {
	var list []InputRequest
	if !isObject(raw) {
		return nil, errors.New("inputRequests is not an object")
	}
	err := jsonrpc.Members(raw, func(key string, _, at jsonrpc.Span) error {
		value := raw[at.Start:at.End]
		method, ok := memberText(value, "method")
		params, given := member(value, "params")
		switch {
		case len(list) == MaxInputRequests:
			return fmt.Errorf("more than %d input requests", MaxInputRequests)
		case !ok || method == "":
			return fmt.Errorf("input request %.80q has no method", key)
		case given && !isObject(params):
			return fmt.Errorf("params of input request %.80q are not an object", key)
		}
		list = append(list, InputRequest{Key: key, Method: method, Params: params})
		return nil
	})
	return list, err
}

// NewInputRequired builds a result of Doorward's own that asks a stateless
// client the questions of list, whose keys differ. An empty state is left out,
// and so is a nil serverInfo, a JSON object. The upstream adapter calls it.
func NewInputRequired(id []byte, list []InputRequest, state string, serverInfo []byte) *gate.Message {
	b := []byte(`{"` + fieldResultType + `":"input_required"`)
	if len(list) > 0 {
		requests := []byte{'{'}
		for _, r := range list {
			request := appendMember([]byte{'{'}, "method", jsonrpc.AppendString(nil, r.Method))
			params := r.Params
			if params == nil { // the Go SDK 1.8.0 fails on a question without
				params = []byte("{}")
			}
			request = appendMember(request, "params", params)
			requests = appendMember(requests, r.Key, append(request, '}'))
		}
		b = appendMember(b, fieldRequests, append(requests, '}'))
	}
	if state != "" {
		b = appendMember(b, fieldState, jsonrpc.AppendString(nil, state))
	}
	if serverInfo != nil {
		meta := appendMember([]byte{'{'}, MetaServerInfo, serverInfo)
		b = appendMember(b, "_meta", append(meta, '}'))
	}
	return NewResult(id, append(b, '}'))
}

// InputResponse is a stateless client's answer, an object, to the question with
// that key; false when its request brings none. The upstream adapter calls it.
func InputResponse(m *gate.Message, key string) (result []byte, ok bool) {
	at, _ := m.Field(fieldResponses)
	return object(m.Bytes(at), key)
}

// AppendInputResponse adds an answer, a JSON object, to the inputResponses
// object that b begins: nil or "{" at first. The caller adds the last brace.
func AppendInputResponse(b []byte, key string, result []byte) []byte {
	if len(b) == 0 {
		b = []byte{'{'}
	}
	return appendMember(b, key, result)
}

// AskFor is the request that asks a stateful client of that revision what r
// asks; nil where the revision has no such question: elicitation before
// 2025-06-18, by URL and sampling with tools before 2025-11-25. elicitationID
// is for elicitation by URL alone, which is told by it when it is done; it
// must then have text in it. Params that the strict parser refuses in a request
// give nil too. The id of the request stands for none: whoever
// sends it sets ShownID. The upstream adapter calls it.
func AskFor(version string, r InputRequest, elicitationID string) *gate.Message {
	route, ok := Lookup(r.Method)
	if !ok || route.Action != gate.Answer || !Speaks(route, version) {
		return nil
	}
	params := ownParams(r.Params)
	if _, tools := member(params, "tools"); tools && r.Method == methodSampling && version < V20251125 {
		return nil
	}
	if mode, _ := memberText(params, "mode"); mode == "url" && r.Method == MethodElicit {
		if version < V20251125 || elicitationID == "" {
			return nil
		}
		params = jsonrpc.With(params, "elicitationId", jsonrpc.AppendString(nil, elicitationID))
	}
	// What was a part of a result may yet be no params: a null _meta, a key that
	// a lax reader takes for another.
	m, err := ParseUpstream(NewRequest([]byte("0"), r.Method, params).Raw)
	if err != nil {
		return nil
	}
	return m
}

// InputFor is a stateful upstream's request as a question to a stateless
// client, under that key. The upstream adapter calls it.
func InputFor(key string, m *gate.Message) InputRequest {
	return InputRequest{Key: key, Method: m.Method, Params: ownParams(m.Bytes(m.Params))}
}

// ownParams are the params of a question without what means something only
// between the one who asked and Doorward: the id of an elicitation, the wish
// for a task (2025-11-25), the progress token, and what the protocol itself
// keeps in _meta.
func ownParams(params []byte) []byte {
	params = jsonrpc.Without(params, "elicitationId", "task")
	meta, ok := object(params, "_meta")
	if !ok {
		return params
	}
	drop := []string{MetaProgress}
	// A _meta that is no object was sorted out above.
	_ = jsonrpc.Members(meta, func(name string, _, _ jsonrpc.Span) error {
		if strings.HasPrefix(name, metaPrefix) {
			drop = append(drop, name)
		}
		return nil
	})
	return jsonrpc.With(params, "_meta", jsonrpc.Without(meta, drop...))
}

// URLElicitations are the questions of an error that wants URLs visited first
// (2025-11-25, -32042), with the keys "url-1", "url-2" and so on; false for any
// other error, and for one that does not hold 1 to MaxInputRequests
// elicitations by URL. MayAsk judges each. The upstream adapter calls it.
func URLElicitations(m *gate.Message) ([]InputRequest, bool) {
	if errorCode(m) != CodeURLElicitation {
		return nil, false
	}
	at, _ := m.Field("data")
	raw, _ := member(m.Bytes(at), "elicitations")
	var all []InputRequest
	err := jsonrpc.Elements(raw, func(at jsonrpc.Span) error {
		params := raw[at.Start:at.End:at.End]
		if mode, _ := memberText(params, "mode"); mode != "url" || len(all) == MaxInputRequests {
			return errStop
		}
		all = append(all, InputRequest{Key: "url-" + strconv.Itoa(len(all)+1), Method: MethodElicit, Params: ownParams(params)})
		return nil
	})
	if err != nil || len(all) == 0 {
		return nil, false
	}
	return all, true
}

// ParamsDigest is the SHA-256 of what a client's request asks for: its params
// in canonical form (Canonical), without _meta, inputResponses and
// requestState, by which a retry differs from its original (SEP-2322). It does
// not cover the method. Absent params are empty ones. The upstream adapter
// binds a requestState to it.
func ParamsDigest(m *gate.Message) [32]byte {
	params := m.Bytes(m.Params)
	if params == nil {
		params = []byte("{}")
	}
	params = jsonrpc.Without(params, "_meta", fieldResponses, fieldState)
	canonical, err := Canonical(params)
	if err != nil {
		// Not reached for a message that was parsed. Such params are equal to
		// themselves alone, and to no canonical form, which has no white space.
		canonical = append([]byte(" "), params...)
	}
	return sha256.Sum256(canonical)
}
