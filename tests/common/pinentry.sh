#!/bin/sh
# Answers as a pinentry does (Assuan). Beside it: 'answers' has a line for each question, with which it is answered; 'asked' gets what it
# was told; 'started' how it was started.
cd "${0%/*}" || exit 1
{ tr '\0' '\n' <"/proc/$$/cmdline"; tr '\0' '\n' <"/proc/$$/environ"; } >>started
echo "OK Pleased to meet you"
while IFS= read -r line; do
    printf '%s\n' "$line" >>asked
    case $line in
    GETPIN | CONFIRM)
        answer=$(head -n 1 answers)
        sed -i 1d answers
        case $answer in
        D*) printf '%s\nOK\n' "$answer" ;;
        gone) exit 1 ;;
        *) printf '%s\n' "$answer" ;;
        esac
        ;;
    BYE) echo OK; exit 0 ;;
    *) echo OK ;;
    esac
done
