package condition

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Bounds of one expression, checked before it is compiled or while it is.
const (
	maxSource = 4 << 10 // bytes
	maxNodes  = 1000    // of the syntax tree, macros expanded
	maxNested = 64      // levels of it
)

// newEnvironment declares what an expression may name. The standard `matches` is
// left out for one whose work is bounded before it begins.
func newEnvironment() (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := make([]cel.EnvOption, 0, 32)
	options = append(options,
		cel.CustomTypeProvider(&provider{Registry: registry, objects: objects(registry)}),
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{
			ExcludeFunctions: []*env.Function{{Name: fnMatches}},
		})),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserRecursionLimit(maxNested),
		cel.ParserExpressionSizeLimit(maxSource),
		cel.ParserErrorRecoveryLimit(maxFaults),
		cel.ExpressionNodeLimit(maxNodes),
		cel.Variable(varUpstream, cel.StringType),
		cel.Variable(varTool, cel.StringType),
		cel.Variable(varArgs, cel.MapType(cel.StringType, cel.DynType)),
	)
	for _, name := range objectNames() {
		options = append(options, cel.Variable(name, cel.ObjectType(typePrefix+name)))
	}
	return cel.NewCustomEnv(append(options, functions()...)...)
}

// provider adds the types of the variables to those of CEL. They have attributes
// and no literals.
type provider struct {
	*types.Registry
	objects map[string]map[string]*types.FieldType // by the type's name, by the attribute's
}

// FindStructType implements types.Provider.
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	fields, ok := p.objects[name]
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(fields))
	for field := range fields {
		names = append(names, field)
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if fields, ok := p.objects[name]; ok {
		f, ok := fields[field]
		return f, ok
	}
	return p.Registry.FindStructFieldType(name, field)
}

// NewValue implements types.Provider and makes nothing: there are no literals of
// objects in a condition.
func (p *provider) NewValue(string, map[string]ref.Val) ref.Val {
	return types.WrapErr(errNoLiteral)
}
