package settings

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/models"

	// Secret stores that need nothing beyond the files they read.
	_ "github.com/influxdata/telegraf/plugins/secretstores/docker"
	"github.com/influxdata/toml"

	"github.com/decahose/telegraf-decahose/cmd/telegraf-decahose/internal/process"
	"github.com/decahose/telegraf-decahose/internal/netsafe/redact"
	"github.com/decahose/telegraf-decahose/plugins/guard"
	"github.com/decahose/telegraf-decahose/plugins/inputs/decahose"
	"github.com/decahose/telegraf-decahose/plugins/option"
)

// File is one configuration file, loaded by Telegraf's own loader. All its errors are one
// line that names the file, the option and what is allowed, and none shows a credential.
type File struct {
	Path   string
	doc    document
	Inputs []*models.RunningInput
	Output *models.RunningOutput // nil: this file is about inputs
	Tags   map[string]string     // global ones; none unless the file has some
}

// Load reads a file, as far as it can be judged before the plugins check their options.
func Load(path string) (*File, error) {
	protectSecrets()
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	guard.Scan(string(raw))
	s := &File{Path: path, doc: parseDocument(raw)}
	if err := s.load(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *File) load(raw []byte) error {
	if err := cmp.Or(s.doc.loose(), s.doc.foreign()); err != nil {
		return err
	}
	c := config.NewConfig()
	c.Agent.OmitHostname = true // the agent above adds the host
	if err := loadData(c, raw, s.Path); err != nil {
		return s.explain(err)
	}
	if !c.Agent.OmitHostname {
		delete(c.Tags, "host")
	}
	if err := c.LinkSecrets(); err != nil {
		return fmt.Errorf("%s: %w", s.doc.references(), err)
	}
	s.Inputs, s.Tags = c.Inputs, c.Tags
	return s.choose(c.Outputs)
}

// choose wants inputs, or one output: they are run under different plugins of Telegraf's.
func (s *File) choose(outputs []*models.RunningOutput) error {
	switch {
	case len(s.Inputs) == 0 && len(outputs) == 0:
		return errors.New("there is neither [[inputs.decahose]] nor [[outputs.decahose_archive]] in it")
	case len(s.Inputs) > 0 && len(outputs) > 0:
		return fmt.Errorf("%sinputs and outputs must be in files of their own: inputs.execd runs the one, outputs.execd the other",
			s.doc.firstOutput())
	case len(outputs) > 1:
		return fmt.Errorf("%d [[outputs.decahose_archive]] are in it, must be one: each needs an outputs.execd of its own", len(outputs))
	case len(outputs) == 1:
		s.Output = outputs[0]
	}
	return nil
}

// loadData guards against a parser that panics on what users write.
func loadData(c *config.Config, raw []byte, path string) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("invalid TOML syntax")
		}
	}()
	return c.LoadConfigData(raw, path)
}

var (
	unusedFields  = regexp.MustCompile(`specified the fields \[(.*)\], but they were not used`)
	quoted        = regexp.MustCompile(`"([^"]*)"`)
	undefined     = regexp.MustCompile(`undefined but requested (\w+): (\S+)`)
	missingEnv    = regexp.MustCompile(`required variable (\w+) is missing`)
	templateError = "error parsing data: "
)

// explain makes one clear line of what Telegraf's loader says.
func (s *File) explain(err error) error {
	text := err.Error()
	if m := unusedFields.FindStringSubmatch(text); m != nil {
		return s.unknownOptions(quoted.FindAllStringSubmatch(m[1], -1))
	}
	if m := undefined.FindStringSubmatch(text); m != nil {
		return foreignError(strings.TrimSuffix(m[1], "s")+"s."+m[2], 0)
	}
	if le, ok := errors.AsType[*toml.LineError](err); ok {
		return s.lineError(le)
	}
	if oe, ok := errors.AsType[*option.Error](err); ok {
		where := s.doc.whereFirst
		if len(s.doc.inputs()) == 0 {
			where = s.doc.whereOutput
		}
		return fmt.Errorf("%s%w", where(oe.Option), oe)
	}
	if m := missingEnv.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("environment variable %s is required but not set", m[1])
	}
	if strings.HasPrefix(text, templateError) { // may quote the file, and with it a password
		return errors.New("a reference to an environment variable is malformed: write $$ for a dollar sign")
	}
	return unquoted(err)
}

// unquoted is the error of the loader, without what it quotes of the file if that is no name: it may be a value.
func unquoted(err error) error {
	text := quotation.ReplaceAllStringFunc(err.Error(), func(q string) string {
		if redact.Name(strings.Trim(q, "`'\"")) {
			return q
		}
		return "that is no name"
	})
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

var quotation = regexp.MustCompile("\"[^\"]*\"|`[^`']*[`']|'[^']*'")

func (s *File) unknownOptions(found [][]string) error {
	words := make([]string, 0, len(found))
	for _, f := range found {
		words = append(words, s.doc.at(f[1])+suggestion(f[1]))
	}
	return fmt.Errorf("unknown option %s (-sample-config shows all)", strings.Join(words, ", "))
}

// lineError is about one option's type or value, or about syntax.
func (s *File) lineError(e *toml.LineError) error {
	f, ok := structField(e.StructField)
	if key := s.doc.keyAt(e.Line); !ok && redact.Name(key) {
		return fmt.Errorf("line %d: option %q: %s", e.Line, key, complaint(e.Err))
	}
	if name := s.doc.tableAt(e.Line); !ok && name != "" {
		return fmt.Errorf("line %d: option %q must be tables, each written [[inputs.decahose.%s]]", e.Line, name, name)
	}
	if !ok {
		return fmt.Errorf("line %d: %s, there or just before", e.Line, complaint(e.Err)) // the parser names where it was stuck
	}
	option, shown := f.Tag.Get("toml"), ""
	if v := s.doc.value(option, e.Line); v != "" {
		shown = " is " + v + ","
	}
	return fmt.Errorf("line %d: option %q%s must be %s", e.Line, option, shown, kindName(f.Type))
}

// conflict is the parser's complaint about a name that stands there twice.
var conflict = regexp.MustCompile("^(?:BUG: )?((?:array )?table|key) `([^']*)' is in conflict with (?:(?:array )?table in )?line ([0-9]+)")

// complaint is what the parser says, without what may be secret of what it quotes.
func complaint(err error) string {
	text := err.Error()
	m := conflict.FindStringSubmatch(text)
	switch {
	case m != nil && redact.Name(m[2]):
		return fmt.Sprintf("%s %q stands in line %s already", m[1], m[2], m[3])
	case m != nil:
		return fmt.Sprintf("%s stands in line %s already", m[1], m[3])
	case redact.Plain(text): // of a value's type
		return text
	}
	return "invalid TOML syntax"
}

// kindName is what stands in the file for a value of type t.
func kindName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[config.Duration](), reflect.TypeFor[*config.Duration]():
		return `a time such as "10s"`
	case reflect.TypeFor[config.Size]():
		return `a size such as "4MiB"`
	case reflect.TypeFor[[]int]():
		return "a list of whole numbers"
	case reflect.TypeFor[[]string]():
		return "a list of quoted strings"
	}
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Bool, reflect.Pointer:
		return "true or false"
	case reflect.Slice:
		return "tables, each written [[inputs.decahose.route]]"
	}
	return "a quoted string"
}

// Init checks the inputs, each alone and then against each other, and gives them their logger.
func (s *File) Init(log *process.Log) error {
	if s.Output != nil {
		return s.initOutput(log)
	}
	lines := map[string]int{}
	for i, ri := range s.Inputs {
		if err := s.InitInput(log, i, ri); err != nil {
			return fmt.Errorf("%s: %w", s.Path, err)
		}
		label := ri.Input.(*decahose.Decahose).StreamLabel
		if first, ok := lines[label]; ok {
			return fmt.Errorf("%s: option \"stream_label\" is %q in inputs %d and %d, must be different in each: their series would collide",
				s.Path, label, first+1, i+1)
		}
		lines[label] = i
	}
	return nil
}

// InitInput checks the i-th input with its options, and gives it its logger.
func (s *File) InitInput(log *process.Log, i int, ri *models.RunningInput) error {
	level, err := levelOf(ri.Config.LogLevel)
	if err != nil {
		return fmt.Errorf("%s%w", s.doc.where(i, "log_level"), err)
	}
	models.SetLoggerOnPlugin(ri.Input, process.NewPluginLog(log, level, ri.LogName()))
	err = ri.Init()
	if oe, ok := errors.AsType[*option.Error](err); ok {
		return fmt.Errorf("%s%w", s.doc.where(i, oe.Option), oe)
	}
	return err
}

// Where is "line N: " of an option in the i-th input, or nothing if it does not stand there.
func (s *File) Where(i int, option string) string { return s.doc.where(i, option) }

func levelOf(name string) (telegraf.LogLevel, error) {
	if name == "" {
		return telegraf.Info, nil
	}
	if level := telegraf.LogLevelFromString(name); level != telegraf.None {
		return level, nil
	}
	return telegraf.None, option.Bad("log_level", name, `one of "error", "warn", "info", "debug", "trace"`)
}
