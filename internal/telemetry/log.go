package telemetry

import (
	"fmt"
	"io"
	"log/slog"
)

// Log makes the gateway's logger. format is "text" or "json"; level is one of
// debug, info, warn, error and can be changed later through the LevelVar.
func Log(w io.Writer, format, level string) (*slog.Logger, *slog.LevelVar, error) {
	lv := new(slog.LevelVar)
	if err := lv.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	opts := &slog.HandlerOptions{Level: lv}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), lv, nil
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), lv, nil
	default:
		return nil, nil, fmt.Errorf("log format %q: want text or json", format)
	}
}
