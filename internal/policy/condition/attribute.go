package condition

import (
	"slices"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"doorward/internal/gate"
)

// The variables. Those of objectNames have attributes.
const (
	varPrincipal = "principal"
	varUpstream  = "upstream"
	varTool      = "tool"
	varArgs      = "args"
	varSession   = "session"
	varNow       = "now"
	varRequest   = "request"

	typePrefix = "doorward."
)

func objectNames() []string {
	return []string{varPrincipal, varSession, varNow, varRequest}
}

func isVariable(name string) bool {
	return name == varUpstream || name == varTool || name == varArgs || isObject(name)
}

func isObject(name string) bool { return slices.Contains(objectNames(), name) }

// objects are the attributes of the variables that have some, by type and name.
// The target of their getters is the *Input.
func objects(adapter types.Adapter) map[string]map[string]*types.FieldType {
	type fields = map[string]*types.FieldType
	list := func(of func(*gate.Principal) []string) *types.FieldType {
		return always(types.NewListType(types.StringType), func(in *Input) ref.Val {
			if in.Principal == nil {
				return types.WrapErr(errAbsent)
			}
			return types.NewStringList(adapter, of(in.Principal))
		})
	}
	return map[string]fields{
		typePrefix + varPrincipal: {
			"subject":    own(func(p *gate.Principal) string { return p.Subject }),
			"tenant":     own(func(p *gate.Principal) string { return p.Tenant }),
			"realm":      own(func(p *gate.Principal) string { return p.Realm }),
			"method":     own(func(p *gate.Principal) string { return p.Method }),
			"client":     own(func(p *gate.Principal) string { return p.Client }),
			"credential": own(func(p *gate.Principal) string { return p.Credential }),
			"groups":     list(func(p *gate.Principal) []string { return p.Groups }),
			"scopes":     list(func(p *gate.Principal) []string { return p.Scopes }),
			"roles":      list(func(p *gate.Principal) []string { return p.Roles }),
		},
		typePrefix + varSession: {
			"labels": always(types.NewListType(types.StringType), func(in *Input) ref.Val {
				return types.NewStringList(adapter, in.Labels)
			}),
		},
		typePrefix + varNow: {
			"year":    clock(time.Time.Year),
			"month":   clock(func(t time.Time) int { return int(t.Month()) }),
			"day":     clock(time.Time.Day),
			"hour":    clock(time.Time.Hour),
			"minute":  clock(time.Time.Minute),
			"weekday": clock(func(t time.Time) int { return int(t.Weekday()) }),
			"time": always(types.TimestampType, func(in *Input) ref.Val {
				return types.Timestamp{Time: in.Now.UTC()}
			}),
		},
		typePrefix + varRequest: {
			"method":    text(func(in *Input) string { return in.Request.Method }),
			"kind":      text(func(in *Input) string { return in.Kind }),
			"transport": text(func(in *Input) string { return in.Request.Transport }),
			"era":       text(func(in *Input) string { return in.Request.Era }),
			"profile":   text(func(in *Input) string { return in.Request.Profile }),
			"address":   text(func(in *Input) string { return in.Request.Address }),
			"agent":     text(func(in *Input) string { return in.Request.Agent }),
		},
	}
}

// own is a text of the principal, absent when it is empty: two that have no
// tenant are not of the same tenant.
func own(of func(*gate.Principal) string) *types.FieldType {
	read := func(target any) string {
		if in, ok := target.(*Input); ok && in.Principal != nil {
			return of(in.Principal)
		}
		return ""
	}
	return &types.FieldType{
		Type:  types.StringType,
		IsSet: func(target any) bool { return read(target) != "" },
		GetFrom: func(target any) (any, error) {
			if s := read(target); s != "" {
				return types.String(s), nil
			}
			return nil, errAbsent
		},
	}
}

func text(of func(*Input) string) *types.FieldType {
	return always(types.StringType, func(in *Input) ref.Val { return types.String(of(in)) })
}

func clock(of func(time.Time) int) *types.FieldType {
	return always(types.IntType, func(in *Input) ref.Val {
		if in.Now.IsZero() {
			return types.WrapErr(errNoClock)
		}
		return types.Int(of(in.Now.UTC()))
	})
}

// always is an attribute that every input has.
func always(t *types.Type, of func(*Input) ref.Val) *types.FieldType {
	return &types.FieldType{
		Type:  t,
		IsSet: func(any) bool { return true },
		GetFrom: func(target any) (any, error) {
			in, ok := target.(*Input)
			if !ok {
				return nil, errAbsent
			}
			v := of(in)
			if err, failed := v.(*types.Err); failed {
				return nil, err
			}
			return v, nil
		},
	}
}
