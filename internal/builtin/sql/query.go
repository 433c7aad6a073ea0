package sql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"doorward/internal/policy/statement"
)

// What the tool query takes and gives, in JSON Schema.
const (
	queryInput = `{"type":"object","additionalProperties":false,"required":["sql"],"properties":{
"sql":{"type":"string","description":"one SELECT; parameters are $1, $2 in PostgreSQL and ? elsewhere"},
"params":{"type":"array","maxItems":1000,"items":{"type":["string","number","boolean","null"]},"description":"the values of the parameters, in their order"}}}`
	queryOutput = `{"type":"object","additionalProperties":false,"required":["columns","rows","truncated"],"properties":{
"columns":{"type":"array","items":{"type":"object","additionalProperties":false,"required":["name","type"],"properties":{
"name":{"type":"string"},
"type":{"type":"string","description":"the database's name of the type; empty where there is none"}}}},
"rows":{"type":"array","description":"one list of values for each row, in the order of columns. Integers beyond 2^53, decimals, arrays and JSON are texts; bytes are base64; times are as in RFC 3339","items":{"type":"array","items":{"type":["string","number","boolean","null"]}}},
"truncated":{"type":"boolean","description":"there is more than rows has"},
"limit":{"enum":["rows","bytes"],"description":"what was reached, of an answer that is truncated"}}}`
)

// asked is a statement that may be run.
type asked struct {
	sql    string // judged, without a semicolon at its end
	params []any  // nil, bool, string, json.Number
}

// asked reads the arguments of query and judges the statement.
func (s *server) asked(d statement.Dialect, arguments json.RawMessage) (*asked, error) {
	var in struct {
		SQL    *string `json:"sql"`
		Params []any   `json:"params"`
	}
	read := json.NewDecoder(bytes.NewReader(arguments))
	read.UseNumber()
	read.DisallowUnknownFields()
	if err := read.Decode(&in); err != nil || in.SQL == nil {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "arguments must be sql, a text, and params, a list"}
	}
	if len(in.Params) > maxParams {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf("params must be at most %d values", maxParams)}
	}
	for _, p := range in.Params {
		switch p := p.(type) {
		case nil, bool, json.Number:
		case string:
			if strings.ContainsRune(p, 0) {
				return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "params must not hold NUL"}
			}
		default:
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "params must be texts, numbers, booleans or null: write a list or an object as a text"}
		}
	}
	if why := s.judges[d].Judge(*in.SQL); why != "" {
		return nil, errors.New("the statement " + why)
	}
	// The judge passes one semicolon, behind which there is nothing but space.
	text := strings.TrimSuffix(strings.TrimRight(*in.SQL, " \t\r\n\f\v"), ";")
	return &asked{text, in.Params}, nil
}

// column is one of an answer.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// answer is what query gives.
type answer struct {
	Columns   []column          `json:"columns"`
	Rows      []json.RawMessage `json:"rows"`
	Truncated bool              `json:"truncated"`
	Limit     string            `json:"limit,omitempty"`

	room  int64 // bytes that are left
	spare int   // rows that are left
}

func newAnswer(set *Settings) *answer {
	return &answer{Columns: []column{}, Rows: []json.RawMessage{}, room: set.Bytes, spare: set.Rows}
}

// add takes in a row, and tells whether another one may come.
func (a *answer) add(row []any) (more bool, err error) {
	if a.spare == 0 {
		a.Truncated, a.Limit = true, "rows"
		return false, nil
	}
	if lengthOf(row) > a.room { // it would be written to no purpose, several times as long
		a.Truncated, a.Limit = true, "bytes"
		return false, nil
	}
	text, err := json.Marshal(row)
	if err != nil {
		return false, errors.New("a value cannot be written as JSON")
	}
	if a.room -= int64(len(text)) + 1; a.room < 0 {
		a.Truncated, a.Limit = true, "bytes"
		return false, nil
	}
	a.spare--
	a.Rows = append(a.Rows, text)
	return true, nil
}

// lengthOf is the least that the texts of a row take as JSON, in bytes.
func lengthOf(row []any) (n int64) {
	for _, v := range row {
		switch v := v.(type) {
		case string:
			n += int64(len(v))
		case []byte:
			n += int64(len(v))
		case json.RawMessage:
			n += int64(len(v))
		}
	}
	return n
}
