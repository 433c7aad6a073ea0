package app

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"doorward/internal/config"
)

// A machine whose clock is before the day of the build judges no expiry (ADM-02).
func TestADM02_AClockFromBefore(t *testing.T) {
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "doorward.yaml"), []byte("version: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]bool{-time.Hour: true, time.Hour: false} {
		a, err := New(Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Built: time.Now().Add(after)})
		if (err == nil) != want {
			t.Errorf("built %v from now: %v", after, err)
		}
		if err == nil {
			err = a.Close()
		} else if !strings.Contains(err.Error(), "set the clock") {
			t.Errorf("the error is %v", err)
		} else {
			err = nil
		}
		if err != nil {
			t.Error(err)
		}
	}
}
