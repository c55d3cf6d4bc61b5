// Command alerts plays what Prometheus does with a target and a file of alerting rules, without waiting: the scrapes
// are given with their times, and the rules are evaluated after each of them by Prometheus's own parser, storage and
// rule engine. Queries, as those of dashboards, are asked at the times of all scrapes.
//
// It reads a Timeline as JSON from stdin, and writes a Result as JSON to stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// Timeline is the text of a rules file, queries, and what was scraped, oldest first.
type Timeline struct {
	Rules   string
	Queries []string
	Scrapes []Scrape
}

// Result is what became of the alerts, and which of the queries had an answer at any time.
type Result struct {
	Evaluations []Evaluation `json:"evaluations"`
	Answered    []string     `json:"answered"`
}

// Scrape is what one target answered at a time, in milliseconds since 1970; null when it did not answer.
type Scrape struct {
	At     int64
	Target map[string]string
	Text   *string
}

// Evaluation is the state of the alerts after the scrapes of one moment.
type Evaluation struct {
	At     int64   `json:"at"`
	Alerts []Alert `json:"alerts"`
}

// Alert is one that is pending or firing, with its annotations as a receiver of alerts gets them.
type Alert struct {
	Name        string            `json:"name"`
	State       string            `json:"state"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "alerts:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	var timeline Timeline
	if err := json.NewDecoder(in).Decode(&timeline); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "alerts")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	db, err := tsdb.Open(folder, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return err
	}
	defer db.Close()
	alerting, err := load(timeline.Rules)
	if err != nil {
		return err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	evaluations, err := play(ctx, db, rules.EngineQueryFunc(engine, db), alerting, timeline.Scrapes)
	if err != nil {
		return err
	}
	answered, err := ask(ctx, db, engine, timeline)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(Result{evaluations, answered})
}

// ask gives the queries that have an answer at the time of any scrape.
func ask(ctx context.Context, db *tsdb.DB, engine *promql.Engine, timeline Timeline) ([]string, error) {
	answered := []string{}
	if len(timeline.Scrapes) == 0 {
		return answered, nil
	}
	first, last := timeline.Scrapes[0].At, timeline.Scrapes[len(timeline.Scrapes)-1].At
	for _, text := range timeline.Queries {
		query, err := engine.NewRangeQuery(
			ctx, db, nil, text, time.UnixMilli(first), time.UnixMilli(last), 30*time.Second,
		)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		found, err := query.Exec(ctx).Matrix()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		if len(found) > 0 {
			answered = append(answered, text)
		}
		query.Close()
	}
	return answered, nil
}

// load checks the rules as `promtool check rules` does.
func load(text string) ([]*rules.AlertingRule, error) {
	language := parser.NewParser(parser.Options{})
	groups, problems := rulefmt.Parse([]byte(text), false, model.UTF8Validation, language, slog.Default())
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	var found []*rules.AlertingRule
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			expression, err := language.ParseExpr(rule.Expr)
			if err != nil {
				return nil, err
			}
			found = append(found, rules.NewAlertingRule(
				rule.Alert, expression, time.Duration(rule.For), time.Duration(rule.KeepFiringFor),
				labels.FromMap(rule.Labels), labels.FromMap(rule.Annotations), labels.EmptyLabels(), "", true,
				slog.New(slog.DiscardHandler),
			))
		}
	}
	return found, nil
}

func play(
	ctx context.Context, db *tsdb.DB, query rules.QueryFunc, alerting []*rules.AlertingRule, scrapes []Scrape,
) ([]Evaluation, error) {
	targets := map[string]map[string]labels.Labels{}
	evaluations := []Evaluation{}
	for i, scrape := range scrapes {
		name := labels.FromMap(scrape.Target).String()
		seen, err := store(ctx, db, scrape, targets[name])
		if err != nil {
			return nil, err
		}
		targets[name] = seen
		if i+1 < len(scrapes) && scrapes[i+1].At == scrape.At {
			continue
		}
		alerts, err := evaluate(ctx, alerting, query, time.UnixMilli(scrape.At))
		if err != nil {
			return nil, err
		}
		evaluations = append(evaluations, Evaluation{scrape.At, alerts})
	}
	return evaluations, nil
}

// store writes a scrape as a scrape loop does: with the labels of the target, `up`, and a mark for each series that was
// there before and is not any more. It returns the series that are there now.
func store(
	ctx context.Context, db *tsdb.DB, scrape Scrape, before map[string]labels.Labels,
) (map[string]labels.Labels, error) {
	appender := db.Appender(ctx)
	seen := map[string]labels.Labels{}
	up := 0.0
	if scrape.Text != nil {
		up = 1
		if err := read(appender, scrape, seen); err != nil {
			return nil, err
		}
	}
	for name, series := range before {
		if _, ok := seen[name]; !ok {
			if _, err := appender.Append(0, series, scrape.At, math.Float64frombits(value.StaleNaN)); err != nil {
				return nil, err
			}
		}
	}
	series := labels.NewBuilder(labels.FromMap(scrape.Target)).Set(labels.MetricName, "up").Labels()
	if _, err := appender.Append(0, series, scrape.At, up); err != nil {
		return nil, err
	}
	return seen, appender.Commit()
}

func read(appender storage.Appender, scrape Scrape, seen map[string]labels.Labels) error {
	samples := textparse.NewPromParser([]byte(*scrape.Text), labels.NewSymbolTable(), false)
	for {
		entry, err := samples.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		samples.Labels(&own)
		series := withTarget(own, scrape.Target)
		_, _, sample := samples.Series()
		if _, err := appender.Append(0, series, scrape.At, sample); err != nil {
			return fmt.Errorf("%s: %w", series, err)
		}
		seen[series.String()] = series
	}
}

// withTarget adds the labels of the target, which win: a label of the series by the same name becomes `exported_...`.
func withTarget(own labels.Labels, target map[string]string) labels.Labels {
	builder := labels.NewBuilder(own)
	for name, text := range target {
		if exported := own.Get(name); exported != "" {
			builder.Set("exported_"+name, exported)
		}
		builder.Set(name, text)
	}
	return builder.Labels()
}

func evaluate(
	ctx context.Context, alerting []*rules.AlertingRule, query rules.QueryFunc, at time.Time,
) ([]Alert, error) {
	found := []Alert{}
	for _, rule := range alerting {
		if _, err := rule.Eval(ctx, 0, at, query, nil, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", rule.Name(), err)
		}
		for _, active := range rule.ActiveAlerts() {
			found = append(found, Alert{
				rule.Name(), active.State.String(), active.Labels.Map(), active.Annotations.Map(),
			})
		}
	}
	return found, nil
}
