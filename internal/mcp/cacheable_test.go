package mcp_test

import (
	"testing"
	"time"

	"doorward/internal/mcp"
)

// A client is told private, and a time that is no longer than may be told, whatever the
// upstream says. What is no answer that may be kept stays as it is.
func TestPrivate(t *testing.T) {
	for in, want := range map[string]string{
		`{"ttlMs":1000,"cacheScope":"private"}`:             `{"ttlMs":1000,"cacheScope":"private"}`,
		`{"ttlMs":1000,"cacheScope":"public"}`:              `{"ttlMs":1000,"cacheScope":"private"}`,
		`{"ttlMs":1000000000000000,"cacheScope":"public"}`:  `{"ttlMs":300000,"cacheScope":"private"}`,
		`{"ttlMs":300001,"cacheScope":"private"}`:           `{"ttlMs":300000,"cacheScope":"private"}`,
		`{"ttlMs":1e999}`:                                   `{"ttlMs":300000}`,
		`{"ttlMs":300000}`:                                  `{"ttlMs":300000}`,
		`{"ttlMs":0.5}`:                                     `{"ttlMs":0.5}`,
		`{"ttlMs":-1}`:                                      `{"ttlMs":0}`,
		`{"ttlMs":-1e999}`:                                  `{"ttlMs":0}`,
		`{"ttlMs":"1 day"}`:                                 `{"ttlMs":0}`,
		`{"ttlMs":null}`:                                    `{"ttlMs":0}`,
		`{"ttlMs":[1]}`:                                     `{"ttlMs":0}`,
		`{"resultType":"complete","ttlMs":900000}`:          `{"resultType":"complete","ttlMs":300000}`,
		`{"resultType":"task","taskId":"t","ttlMs":900000}`: `{"resultType":"task","taskId":"t","ttlMs":900000}`,
		`{"taskId":"t","ttlMs":900000}`:                     `{"taskId":"t","ttlMs":900000}`,
		`{"content":[]}`:                                    `{"content":[]}`,
	} {
		m, err := mcp.Private(upstream(t, result(in)), 5*time.Minute)
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := string(m.Raw); got != result(want) {
			t.Errorf("%s: %s", in, got)
		}
	}
}
