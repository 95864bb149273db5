/* option.h - what a command can be told.
 *
 * Every command has tables of options. Parsing, `wkv COMMAND --help`, the man page and the shells' completions are all
 * made from them, so that they cannot disagree. An option's value goes to where `to` points; what stands there before
 * parsing is its default, and is what the help shows. */
#ifndef WKV_CLI_OPTION_H
#define WKV_CLI_OPTION_H

typedef enum {
    OPT_SWITCH, /* no value; int: 1 when given                                  */
    OPT_TEXT,   /* const char *, NULL: not given                                */
    OPT_TEXTS,  /* texts: may be given again and again                          */
    OPT_COUNT,  /* int between low and high                                     */
    OPT_REAL,   /* float between low and high; NAN: not given                   */
    OPT_SEED,   /* uint64_t                                                     */
    OPT_CHOICE  /* int: which of the words in `value`, "off|on|fast"            */
} option_kind;

typedef struct {
    const char **at;
    int n;
} texts;

typedef struct {
    char letter;         /* 0: none                                             */
    const char *name;    /* without the dashes                                  */
    option_kind kind;
    const char *value;   /* what the help calls the value: "N", "FILE"          */
    void *to;
    double low, high;    /* of numbers                                          */
    const char *initial; /* the default in words, when the value does not say it; "": nothing to say */
    const char *help;    /* a sentence without a capital and a full stop        */
} option;

typedef struct {
    const char *title;
    const option *options;
    int n;
} group;

#define GROUP(title, table) {title, table, (int)(sizeof(table) / sizeof *(table))}

typedef struct {
    const char *name;
    const char *operands;        /* as the usage line shows them, "" when there are none */
    int most;                    /* operands taken at most                               */
    const char *summary;         /* one line of the overview                             */
    const char *about;           /* the help's paragraphs, separated by blank lines      */
    const char *examples;        /* lines of "command  # what it does"                   */
    const group *const *groups;  /* ends with NULL                                       */
    const char **model;          /* where an operand that is a model goes; NULL: none is */
    void (*defaults)(void);      /* fills in defaults of settings that commands share, and texts of options from the
                                    library; may be NULL */
    int (*run)(int n, char **operands); /* returns the exit status                       */
} command;

/* the list of all commands, in the order of the overview; ends with NULL */
extern const command *const commands[];

/* --help, --version and --quiet, which every command has */
extern const group general_group;
/* the same without --version, for a command that means something else by it */
extern const group short_group;
extern int asked_help, asked_version;

/* Read the arguments after the command's name. Operands are moved to the front of args and counted in *n; a model among
 * them goes to c->model: any where the command has no other operands, else the first, when it is a checkpoint that
 * exists. Long options may be shortened, spelled with underscores, and spelled as other programs do (habits.h).
 * Returns 0, 1 after a sentence or 2 after one about usage. */
int options_parse(const command *c, int count, char **args, int *n);

/* Wrong usage: say the sentence and where to look, and return 2. c NULL: of the program as a whole. */
int usage(const command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The i-th option of all the groups of a command, NULL past the last, with its group's title in *title (which may be
 * NULL). */
const option *option_at(const command *c, int i, const char **title);

/* How far two words are from each other in keystrokes, and whether that is near enough to have been meant. */
int word_distance(const char *a, const char *b);
int word_is_near(const char *typed, int distance);

#endif
