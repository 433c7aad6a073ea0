package app

import (
	"strings"
	"testing"

	"doorward/internal/config"
)

// What a running process keeps as it began with cannot change by a reload: else the
// reload is on record, and the log goes on as before.
func TestOfTheRecordNothingChangesByAReload(t *testing.T) {
	was := config.Audit{Durability: "process", Arguments: "sealed", Identity: "plain", Index: "on"}
	for key, change := range map[string]func(*config.Audit){
		"audit.durability": func(is *config.Audit) { is.Durability = "power" },
		"audit.arguments":  func(is *config.Audit) { is.Arguments = "hashed" },
		"audit.identity":   func(is *config.Audit) { is.Identity = "sealed" },
		"audit.index":      func(is *config.Audit) { is.Index = "off" },
		"audit.fields":     func(is *config.Audit) { is.Fields = map[string]map[string]string{"a/b": {"c": "none"}} },
		"audit.checkpoint": func(is *config.Audit) { is.Checkpoint.Origin = "example.com/log" },
		"audit.sinks":      func(is *config.Audit) { is.Sinks = []config.Sink{{}} },
	} {
		is := was
		change(&is)
		err := sameProcess(&config.Config{Audit: was}, &config.Config{Audit: is})
		if err == nil || !strings.HasPrefix(err.Error(), key+" cannot change") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if err := sameProcess(&config.Config{Audit: was}, &config.Config{Audit: was}); err != nil {
		t.Error(err)
	}
}
