/* option.h - commands and their options.
 *
 * Every command has tables of options. Parsing, `wkv COMMAND --help`, the man page and the shells' completions are all
 * generated from them, so that they cannot disagree. `to` points to an option's value; its content before parsing is
 * the default, which the help prints. */
#ifndef WKV_CLI_OPTION_H
#define WKV_CLI_OPTION_H

typedef enum {
    OPT_SWITCH, /* no value; int: 1 when given */
    OPT_TEXT,   /* const char *, NULL: not given                                */
    OPT_TEXTS,  /* texts: repeatable */
    OPT_COUNT,  /* int between low and high */
    OPT_REAL,   /* float between low and high; NAN: not given */
    OPT_SEED,   /* uint64_t */
    OPT_BYTES,  /* int64_t between low and high: 4G, 500M */
    OPT_CHOICE  /* int: index of a word in `value`, "off|on|fast" */
} option_kind;

typedef struct {
    const char **at;
    int n;
} texts;

typedef struct {
    char letter;      /* 0: none */
    const char *name; /* without the dashes */
    option_kind kind;
    const char *value; /* the value in the help: "N", "FILE" */
    void *to;
    double low, high;    /* range of numbers */
    const char *initial; /* the default in words, if the value does not show it; "": none */
    const char *help;    /* a sentence without a capital and a full stop */
} option;

typedef struct {
    const char *title;
    const option *options;
    int n;
} group;

#define GROUP(title, table)                                                                                            \
    {                                                                                                                  \
        title, table, (int)(sizeof(table) / sizeof *(table))                                                           \
    }

typedef struct {
    const char *name;
    const char *operands;               /* as the usage line shows them, "" when there are none */
    int most;                           /* most operands */
    const char *summary;                /* one line of the overview */
    const char *about;                  /* the help's paragraphs, separated by blank lines */
    const char *examples;               /* lines of "command # effect" */
    const group *const *groups;         /* ends with NULL */
    const char **model;                 /* receives an operand that is a model; NULL: there is none */
    void (*defaults)(void);             /* sets shared defaults, and option texts from the library; may be NULL */
    int (*run)(int n, char **operands); /* returns the exit status */
} command;

/* the list of all commands, in the order of the overview; ends with NULL */
extern const command *const commands[];

/* --help, --version and --quiet, which every command has */
extern const group general_group;
/* the same without --version, for a command with another meaning of it */
extern const group short_group;
extern int asked_help, asked_version;

/* Parse the arguments after the command's name. Operands move to the front of args, their number to *n, and a model
 * among them to c->model: any operand if the command has no others, else the first, if it is an existing checkpoint.
 * Long options may be shortened, spelled with underscores, and spelled as in other programs (habits.h). Returns 0, 1
 * after an error message, or 2 after one about usage. */
int options_parse(const command *c, int count, char **args, int *n);

/* Wrong usage: print the message and a reference to the help, and return 2. c NULL: the program's help. */
int usage(const command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The i-th option of all the groups of a command, NULL past the last, with its group's title in *title (which may be
 * NULL). */
const option *option_at(const command *c, int i, const char **title);

/* The edit distance of two words, and the test for a likely typo. */
int word_distance(const char *a, const char *b);
int word_is_near(const char *typed, int distance);

#endif
