package admin

import (
	"context"
	"net/http"
	"time"
)

// MaxLoud is how long the log may have another level than the configuration's.
const MaxLoud = 15 * time.Minute

// LogLevel is what the gateway's own log writes.
type LogLevel struct {
	Level      string    `json:"level"`          // debug, info, warn or error
	Configured string    `json:"configured"`     // what the configuration says
	Until      time.Time `json:"until,omitzero"` // when it is that again; zero: it is
}

// LogLevelRequest asks for another level, for a time.
type LogLevelRequest struct {
	Level string        `json:"level"` // empty: the configuration's, at once
	For   time.Duration `json:"for,omitempty"`
}

// Loudness is the care of the level.
type Loudness interface {
	LogLevel(ctx context.Context) (LogLevel, error)
	SetLogLevel(ctx context.Context, actor string, req LogLevelRequest) (LogLevel, error)
}

// LogLevel implements Loudness.
func (c *Client) LogLevel(ctx context.Context) (LogLevel, error) {
	return do[LogLevel](ctx, c, "/v1/log/level", nil)
}

// SetLogLevel implements Loudness.
func (c *Client) SetLogLevel(ctx context.Context, _ string, req LogLevelRequest) (LogLevel, error) {
	return do[LogLevel](ctx, c, "/v1/log/level", req)
}

func loudnessRoutes() []Route {
	return []Route{
		{"GET /v1/log/level", StatusRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.LogLevel(r.Context())
		}},
		{"POST /v1/log/level", LogWrite, withBody(func(ctx context.Context, op Operator, actor string, req LogLevelRequest) (any, error) {
			return op.SetLogLevel(ctx, actor, req)
		})},
	}
}
