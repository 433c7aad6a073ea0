package jsonrpc_test

import (
	"strings"
	"testing"

	"doorward/internal/jsonrpc"
)

// What a fault says on record has no name that the sender chose.
func TestAFaultNamesNothingOfTheSender(t *testing.T) {
	for text, want := range map[string]string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"LEAKKEY":1,"LEAKKEY":2}}}`: "at /params/...: duplicate key",
		`{"jsonrpc":"2.0","id":1,"method":"a","LEAKKEY":1,"LEAKKEY":2}`:                                              "at /...: ",
		`{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}`:                                                         "at /method: duplicate key",
	} {
		_, err := jsonrpc.Parse([]byte(text), jsonrpc.Limits{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "LEAK") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
