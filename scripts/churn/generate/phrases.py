"""What customers write: subjects and sentences by topic and language.

`{feature}`, `{number}` and `{month}` are filled in. A message has the subject and the sentence of
an opening, after a greeting; often one of the details; and a closing.
"""

from dataclasses import dataclass

TOPICS = (
    "how_to",
    "bug_report",
    "feature_request",
    "billing_question",
    "praise",
    "onboarding",
    "frustration",
    "pricing_pushback",
    "cancellation",
    # contains the word, means something else: a meeting, an export, a spare seat
    "cancel_something_else",
    # says that they stay
    "will_not_cancel",
)

LANGUAGES = ("en", "de", "fr", "es", "pt")

GREETINGS = {
    "en": ("Hi team,", "Hello,", "Hi,", "Good morning,", "Hi there,"),
    "de": ("Guten Tag,", "Hallo zusammen,", "Sehr geehrtes Support-Team,"),
    "fr": ("Bonjour,", "Bonjour à toute l'équipe,"),
    "es": ("Hola,", "Buenos días,", "Hola equipo,"),
    "pt": ("Olá,", "Bom dia,", "Olá equipe,"),
}

CLOSINGS = {
    "en": ("Thanks.", "Thank you.", "Kind regards.", "Best.", "Many thanks in advance."),
    "de": ("Vielen Dank.", "Mit freundlichen Grüßen.", "Danke im Voraus."),
    "fr": ("Merci d'avance.", "Cordialement.", "Bien à vous."),
    "es": ("Gracias.", "Un saludo.", "Muchas gracias de antemano."),
    "pt": ("Obrigado.", "Atenciosamente.", "Desde já, obrigada."),
}

FEATURES = {
    "en": ("dashboards", "the report builder", "the API", "exports", "alerts", "workflows",
           "the CRM integration", "the mobile app", "single sign-on"),
    "de": ("die Dashboards", "die Berichte", "die API", "der Export", "die mobile App"),
    "fr": ("les tableaux de bord", "les rapports", "l'API", "les exports"),
    "es": ("los paneles", "los informes", "la API", "las exportaciones"),
    "pt": ("os painéis", "os relatórios", "a API", "as exportações"),
}  # fmt: skip

MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December"),
    "de": ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
           "Oktober", "November", "Dezember"),
    "es": ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
           "octubre", "noviembre", "diciembre"),
    "pt": ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto",
           "setembro", "outubro", "novembro", "dezembro"),
}  # fmt: skip


@dataclass(frozen=True)
class Phrases:
    """The building blocks of messages on one topic in one language."""

    openings: tuple[tuple[str, str], ...]  # subject and first sentence
    details: tuple[str, ...]


PHRASES: dict[tuple[str, str], Phrases] = {
    # ------------------------------------------------------------------ English
    ("en", "how_to"): Phrases(
        openings=(
            (
                "Setting up {feature}",
                "could you point me to the right place to set up {feature} for a new team?",
            ),
            (
                "Scheduling a weekly report",
                "we would like to send a weekly summary to {number} colleagues, how do we do that?",
            ),
            (
                "Filter by region",
                "I am trying to filter by region and cannot see where the option is.",
            ),
            (
                "Copying a workflow",
                "is there a way to copy a workflow from one workspace to another?",
            ),
            (
                "Permissions for a new teammate",
                "what permissions does a colleague need to edit {feature}?",
            ),
            (
                "How long is the history kept?",
                "how long is the history kept that we see in the reports?",
            ),
            (
                "Time zone of the workspace",
                "can we change the time zone for the whole workspace at once?",
            ),
        ),
        details=(
            "A link to the documentation would be enough.",
            "We started with the template from {month}.",
            "It is not urgent, whenever you have a moment.",
            "I looked in the settings and in the help pages.",
            "There are about {number} of us who would use it.",
        ),
    ),
    ("en", "bug_report"): Phrases(
        openings=(
            (
                "Error when opening {feature}",
                "since this morning we get an error whenever we open {feature}.",
            ),
            (
                "Export stops halfway",
                "the export stops after about {number} rows and the file is incomplete.",
            ),
            (
                "Numbers do not match",
                "the totals in the report do not match the detail view for {month}.",
            ),
            (
                "Sync has not run since yesterday",
                "the sync with our CRM has not run since yesterday evening.",
            ),
            (
                "Slow loading times",
                "the page takes close to a minute to load for everyone in our office.",
            ),
            ("Alerts come late", "alerts arrive several hours late, some of them twice."),
        ),
        details=(
            "It happens in two different browsers.",
            "A colleague in another office sees the same thing.",
            "I attached the request id from the error page.",
            "Reloading helps for a few minutes, then it comes back.",
            "We can work around it, but please have a look.",
        ),
    ),
    ("en", "feature_request"): Phrases(
        openings=(
            (
                "Suggestion for {feature}",
                "it would help us a lot if {feature} supported saved views per person.",
            ),
            ("Bulk edit for tags", "our analysts would love a bulk edit for tags."),
            ("Warehouse connector?", "is a connector for our warehouse on the roadmap?"),
            ("Feature idea: alert digest", "could a weekly digest group the alerts by team?"),
            ("Monthly targets", "we would like to set different targets for each month."),
        ),
        details=(
            "Happy to join a call with your product team.",
            "About {number} people here asked for it.",
            "We do it by hand today, which takes an hour a week.",
            "No rush, just adding our vote.",
        ),
    ),
    ("en", "billing_question"): Phrases(
        openings=(
            ("Copy of an invoice", "could you send us a copy of the invoice for {month}?"),
            ("Purchase order number", "please add our purchase order number to the next invoices."),
            (
                "Change of billing address",
                "our billing address has changed, where can we update it?",
            ),
            (
                "Invoice for {month}",
                "the invoice for {month} shows {number} seats, could you confirm the count?",
            ),
            ("Paying by bank transfer", "can we switch from card to bank transfer?"),
        ),
        details=(
            "Our accounting team needs it by the end of the week.",
            "The contact person stays the same.",
            "Everything else on the invoice looks right.",
        ),
    ),
    ("en", "praise"): Phrases(
        openings=(
            ("Happy with {feature}", "the new version of {feature} saves us hours every week."),
            (
                "Thank you for the quick help",
                "your colleague solved our problem within minutes, thank you.",
            ),
            (
                "Small win to share",
                "we rolled it out to {number} more people and the feedback is excellent.",
            ),
            (
                "Our fastest monthly review",
                "our monthly review has never been this quick to prepare.",
            ),
            ("Kudos for the training", "the training session last week was really useful."),
        ),
        details=(
            "Please pass this on to the team.",
            "We would be glad to be a reference customer.",
            "Looking forward to what comes next.",
        ),
    ),
    ("en", "onboarding"): Phrases(
        openings=(
            (
                "First import of our data",
                "we are just getting started and would like to import our data from a spreadsheet.",
            ),
            ("Inviting the team", "how do we invite {number} people at once?"),
            ("Getting started", "is there a checklist for the first two weeks?"),
            ("Connecting our CRM", "we would like to connect our CRM before the kick-off."),
            (
                "Which template?",
                "which template do you recommend for a team that is new to {feature}?",
            ),
        ),
        details=(
            "We aim to be live by the end of {month}.",
            "A short call would be great.",
            "The guide was helpful so far.",
        ),
    ),
    ("en", "frustration"): Phrases(
        openings=(
            (
                "Third time this month",
                "we report the same problem with {feature} for the third time and nothing changes.",
            ),
            (
                "Still no answer",
                "we have been waiting for an answer for {number} days, this is not acceptable.",
            ),
            (
                "We no longer trust the numbers",
                "my team has lost trust in the numbers and went back to spreadsheets.",
            ),
            ("Broken again", "every release seems to break something that used to work."),
            (
                "This is not acceptable",
                "I spent the whole morning on this again and honestly I am fed up.",
            ),
            ("Still not fixed", "we were promised a fix in {month} and we are still waiting."),
            (
                "Very disappointed with {feature}",
                "the last update made {feature} almost unusable for us.",
            ),
        ),
        details=(
            "Please escalate this to somebody who can fix it.",
            "Our management is asking questions.",
            "Fewer and fewer people here bother to log in.",
            "A workaround is not a solution.",
            "I expect a call this week.",
        ),
    ),
    ("en", "pricing_pushback"): Phrases(
        openings=(
            (
                "Price increase at renewal",
                "the renewal quote is {number} percent higher, that is hard to justify for us.",
            ),
            (
                "We pay for seats nobody uses",
                "we pay for {number} seats and maybe a third of them are used.",
            ),
            (
                "Budget for next year",
                "our budget for next year was cut and the current price is too high.",
            ),
            (
                "Price comparison",
                "a tool that does most of this costs us half elsewhere, can you match it?",
            ),
            ("Too expensive for what we use", "finance asks what value we get for this amount."),
        ),
        details=(
            "What can you offer us?",
            "We need an answer before {month}.",
            "A smaller plan would probably be enough.",
            "Please send a revised quote.",
        ),
    ),
    ("en", "cancellation"): Phrases(
        openings=(
            (
                "Cancellation of our subscription",
                "we would like to cancel our subscription at the end of {month}.",
            ),
            (
                "How do we terminate?",
                "please let us know how we can terminate the contract and export our data.",
            ),
            ("Not renewing", "we have decided not to renew and will move to another vendor."),
            (
                "Evaluating alternatives",
                "we are evaluating alternatives and will most likely leave at the end of the term.",
            ),
            (
                "Switch off auto-renewal",
                "please switch off auto-renewal, we will not be continuing.",
            ),
            ("Notice period", "what is the notice period? We want to close our account."),
            ("Moving to another vendor", "the team voted to switch to a competitor next quarter."),
        ),
        details=(
            "Please confirm in writing.",
            "We also need a full export of our data.",
            "The decision was made by our management.",
            "It no longer fits the way we work.",
            "Too many problems with {feature} for too long.",
        ),
    ),
    ("en", "cancel_something_else"): Phrases(
        openings=(
            (
                "Please cancel my meeting",
                "please cancel my meeting with your trainer on Thursday, I am travelling.",
            ),
            (
                "Cancel a scheduled export",
                "how do I cancel a scheduled export that runs every night?",
            ),
            (
                "Cancel an invitation",
                "I sent an invitation to the wrong colleague, can you cancel it?",
            ),
            (
                "Cancelled order still open",
                "a customer of ours cancelled an order and the record still shows as open.",
            ),
            (
                "Cancel button missing",
                "there is no cancel button when I edit {feature}, is that on purpose?",
            ),
            (
                "Webinar seat",
                "we need to cancel the webinar seat for one person, the other {number} will join.",
            ),
        ),
        details=(
            "A new date next week would suit us.",
            "Everything else works fine.",
            "Sorry for the short notice.",
        ),
    ),
    ("en", "will_not_cancel"): Phrases(
        openings=(
            (
                "Invoice date, not a cancellation",
                "just to be clear, we will not cancel, we only asked for a different invoice date.",
            ),
            (
                "About your email on cancelling",
                "we got a reminder about cancelling, but we want to keep the subscription.",
            ),
            (
                "No plans to leave",
                "we had thought about leaving in {month}, but the last fix changed our mind.",
            ),
            (
                "Not switching",
                "no, we are not switching to a competitor, the test was for another department.",
            ),
            (
                "Please ignore my request to terminate",
                "please ignore my earlier request to terminate, we are continuing.",
            ),
        ),
        details=(
            "Please leave everything as it is.",
            "We may even add {number} seats.",
            "Sorry for the confusion.",
        ),
    ),
    # ------------------------------------------------------------------ German
    ("de", "how_to"): Phrases(
        openings=(
            (
                "Bericht planen",
                "wie können wir einen Bericht automatisch an {number} Personen senden?",
            ),
            ("Frage zur Zeitzone", "wo finde ich die Einstellung für die Zeitzone?"),
            (
                "Rechte für eine neue Kollegin",
                "welche Rechte braucht eine Kollegin, um Dashboards zu bearbeiten?",
            ),
        ),
        details=(
            "Es ist nicht dringend.",
            "Ein Link zur Anleitung reicht uns.",
        ),
    ),
    ("de", "bug_report"): Phrases(
        openings=(
            (
                "Fehlermeldung seit heute",
                "seit heute Morgen kommt eine Fehlermeldung, betroffen: {feature}.",
            ),
            ("Export bricht ab", "der Export bricht nach etwa {number} Zeilen ab."),
            (
                "Zahlen stimmen nicht",
                "die Summen im Bericht für {month} stimmen nicht mit den Details überein.",
            ),
        ),
        details=(
            "In einem anderen Browser ist es genauso.",
            "Bitte schauen Sie sich das an.",
        ),
    ),
    ("de", "billing_question"): Phrases(
        openings=(
            (
                "Rechnung für {month}",
                "könnten Sie uns die Rechnung für {month} noch einmal schicken?",
            ),
            ("Neue Rechnungsanschrift", "unsere Rechnungsanschrift hat sich geändert."),
        ),
        details=(
            "Die Buchhaltung braucht sie bis Freitag.",
            "Sonst stimmt alles.",
        ),
    ),
    ("de", "praise"): Phrases(
        openings=(
            ("Tolles Update", "das neue Update spart uns jede Woche mehrere Stunden."),
            (
                "Danke für die schnelle Hilfe",
                "Ihr Kollege hat unser Problem in wenigen Minuten gelöst.",
            ),
        ),
        details=(
            "Bitte geben Sie das Lob weiter.",
            "Weiter so!",
        ),
    ),
    ("de", "frustration"): Phrases(
        openings=(
            (
                "Immer noch nicht gelöst",
                "wir melden dasselbe Problem zum dritten Mal und es passiert nichts.",
            ),
            (
                "Seit Tagen keine Antwort",
                "seit {number} Tagen warten wir auf eine Antwort, das ist nicht akzeptabel.",
            ),
            (
                "Sehr unzufrieden",
                "das Team arbeitet inzwischen wieder mit Tabellen, weil das Vertrauen fehlt.",
            ),
        ),
        details=(
            "Unsere Geschäftsleitung fragt schon nach.",
            "Ich erwarte einen Rückruf.",
        ),
    ),
    ("de", "pricing_pushback"): Phrases(
        openings=(
            (
                "Preiserhöhung",
                "die Preiserhöhung um {number} Prozent können wir intern kaum begründen.",
            ),
            ("Zu viele Plätze", "wir zahlen für {number} Plätze und nutzen nur einen Teil davon."),
        ),
        details=(
            "Welches Angebot können Sie uns machen?",
            "Ein kleinerer Tarif würde reichen.",
        ),
    ),
    ("de", "cancellation"): Phrases(
        openings=(
            ("Kündigung", "hiermit möchten wir unseren Vertrag zum Monatsende kündigen."),
            ("Kündigungsfrist", "wie lange ist die Kündigungsfrist? Wir werden nicht verlängern."),
            (
                "Wechsel des Anbieters",
                "wir wechseln zu einem anderen Anbieter und benötigen einen Export unserer Daten.",
            ),
        ),
        details=(
            "Bitte bestätigen Sie uns das schriftlich.",
            "Die Entscheidung steht fest.",
        ),
    ),
    ("de", "cancel_something_else"): Phrases(
        openings=(
            (
                "Termin absagen",
                "bitte sagen Sie unseren Termin am Donnerstag ab, ich bin auf Reisen.",
            ),
            ("Geplanten Export stornieren", "wie kann ich einen geplanten Export stornieren?"),
        ),
        details=(
            "Ein neuer Termin nächste Woche passt gut.",
            "Sonst läuft alles bestens.",
        ),
    ),
    ("de", "will_not_cancel"): Phrases(
        openings=(
            (
                "Wir kündigen nicht",
                "damit es klar ist: wir kündigen nicht, es geht nur um die Rechnung.",
            ),
            ("Verlängerung", "wir bleiben gerne Kunde, bitte alles so lassen, wie es ist."),
        ),
        details=(
            "Entschuldigen Sie die Verwirrung.",
            "Vielleicht kommen noch Plätze dazu.",
        ),
    ),
    # ------------------------------------------------------------------ French
    ("fr", "how_to"): Phrases(
        openings=(
            (
                "Rapport hebdomadaire",
                "comment envoyer un rapport chaque semaine à {number} personnes ?",
            ),
            ("Fuseau horaire", "où se trouve le réglage du fuseau horaire ?"),
        ),
        details=(
            "Ce n'est pas urgent.",
            "Un lien vers la documentation suffira.",
        ),
    ),
    ("fr", "bug_report"): Phrases(
        openings=(
            (
                "Erreur depuis ce matin",
                "depuis ce matin nous avons une erreur, cela concerne {feature}.",
            ),
            ("Export incomplet", "l'export s'arrête après environ {number} lignes."),
        ),
        details=(
            "Le problème est le même dans un autre navigateur.",
            "Merci d'y jeter un œil.",
        ),
    ),
    ("fr", "billing_question"): Phrases(
        openings=(
            ("Facture du mois dernier", "pourriez-vous nous renvoyer la facture du mois dernier ?"),
            ("Adresse de facturation", "notre adresse de facturation a changé."),
        ),
        details=(
            "La comptabilité en a besoin cette semaine.",
            "Le reste est correct.",
        ),
    ),
    ("fr", "praise"): Phrases(
        openings=(
            ("Excellente mise à jour", "la dernière mise à jour nous fait gagner des heures."),
            (
                "Merci pour votre aide",
                "votre collègue a résolu notre problème en quelques minutes.",
            ),
        ),
        details=(
            "Merci de transmettre à l'équipe.",
            "Continuez ainsi !",
        ),
    ),
    ("fr", "frustration"): Phrases(
        openings=(
            (
                "Toujours pas résolu",
                "c'est la troisième fois que nous signalons le même problème et rien ne change.",
            ),
            (
                "Sans réponse depuis des jours",
                "nous attendons une réponse depuis {number} jours, ce n'est pas acceptable.",
            ),
        ),
        details=(
            "Notre direction pose des questions.",
            "J'attends un appel cette semaine.",
        ),
    ),
    ("fr", "pricing_pushback"): Phrases(
        openings=(
            (
                "Augmentation de prix",
                "l'augmentation de {number} pour cent est difficile à justifier chez nous.",
            ),
            (
                "Trop de licences",
                "nous payons {number} licences et une partie seulement est utilisée.",
            ),
        ),
        details=(
            "Que pouvez-vous nous proposer ?",
            "Une formule plus petite suffirait.",
        ),
    ),
    ("fr", "cancellation"): Phrases(
        openings=(
            ("Résiliation", "nous souhaitons résilier notre abonnement à la fin du mois."),
            (
                "Nous ne renouvelons pas",
                "nous avons décidé de ne pas renouveler et de changer de fournisseur.",
            ),
        ),
        details=(
            "Merci de confirmer par écrit.",
            "Il nous faut aussi un export complet.",
        ),
    ),
    ("fr", "cancel_something_else"): Phrases(
        openings=(
            (
                "Annuler notre rendez-vous",
                "merci d'annuler notre rendez-vous de jeudi, je suis en déplacement.",
            ),
            ("Annuler un export planifié", "comment annuler un export planifié chaque nuit ?"),
        ),
        details=(
            "Une autre date la semaine prochaine nous irait.",
            "Tout le reste va bien.",
        ),
    ),
    ("fr", "will_not_cancel"): Phrases(
        openings=(
            (
                "Pas de résiliation",
                "pour être clair, nous ne voulons pas résilier, il s'agit seulement de la facture.",
            ),
            ("Nous restons clients", "nous restons avec vous, merci de ne rien changer."),
        ),
        details=(
            "Désolé pour la confusion.",
            "Nous ajouterons peut-être des licences.",
        ),
    ),
    # ------------------------------------------------------------------ Spanish
    ("es", "how_to"): Phrases(
        openings=(
            ("Informe semanal", "¿cómo podemos enviar un informe semanal a {number} personas?"),
            ("Zona horaria", "¿dónde se cambia la zona horaria?"),
        ),
        details=(
            "No es urgente.",
            "Con un enlace a la guía nos basta.",
        ),
    ),
    ("es", "bug_report"): Phrases(
        openings=(
            (
                "Error desde esta mañana",
                "desde esta mañana aparece un error que afecta a {feature}.",
            ),
            (
                "La exportación se detiene",
                "la exportación se detiene después de unas {number} filas.",
            ),
        ),
        details=(
            "En otro navegador pasa lo mismo.",
            "Por favor, revísenlo.",
        ),
    ),
    ("es", "billing_question"): Phrases(
        openings=(
            ("Factura de {month}", "¿podrían enviarnos de nuevo la factura de {month}?"),
            ("Cambio de dirección fiscal", "nuestra dirección fiscal ha cambiado."),
        ),
        details=(
            "Contabilidad la necesita esta semana.",
            "Lo demás está bien.",
        ),
    ),
    ("es", "praise"): Phrases(
        openings=(
            ("Muy buena actualización", "la nueva versión nos ahorra varias horas cada semana."),
            ("Gracias por la ayuda", "su equipo resolvió nuestro problema en minutos."),
        ),
        details=(
            "Por favor, feliciten al equipo.",
            "Sigan así.",
        ),
    ),
    ("es", "frustration"): Phrases(
        openings=(
            (
                "Sigue sin resolverse",
                "es la tercera vez que reportamos el mismo problema y nada cambia.",
            ),
            (
                "Sin respuesta desde hace días",
                "llevamos {number} días esperando una respuesta, no es aceptable.",
            ),
        ),
        details=(
            "La dirección ya está preguntando.",
            "Espero una llamada esta semana.",
        ),
    ),
    ("es", "pricing_pushback"): Phrases(
        openings=(
            (
                "Subida de precio",
                "una subida del {number} por ciento es difícil de justificar para nosotros.",
            ),
            ("Demasiadas licencias", "pagamos {number} licencias y usamos solo una parte."),
        ),
        details=(
            "¿Qué nos pueden ofrecer?",
            "Un plan más pequeño sería suficiente.",
        ),
    ),
    ("es", "cancellation"): Phrases(
        openings=(
            (
                "Baja de la suscripción",
                "queremos dar de baja nuestra suscripción a finales de {month}.",
            ),
            ("No vamos a renovar", "hemos decidido no renovar y cambiar de proveedor."),
        ),
        details=(
            "Por favor, confírmenlo por escrito.",
            "Necesitamos exportar todos los datos.",
        ),
    ),
    ("es", "cancel_something_else"): Phrases(
        openings=(
            ("Cancelar la reunión", "por favor, cancelen mi reunión del jueves, estaré de viaje."),
            ("Cancelar una exportación programada", "¿cómo cancelo una exportación programada?"),
        ),
        details=(
            "La próxima semana nos viene bien.",
            "Todo lo demás funciona perfecto.",
        ),
    ),
    ("es", "will_not_cancel"): Phrases(
        openings=(
            (
                "No vamos a cancelar",
                "para que quede claro, no vamos a cancelar, solo queríamos otra fecha de factura.",
            ),
            ("Renovación", "seguimos con ustedes, por favor no cambien nada."),
        ),
        details=(
            "Disculpen la confusión.",
            "Quizá sumemos más licencias.",
        ),
    ),
    # ------------------------------------------------------------------ Portuguese
    ("pt", "how_to"): Phrases(
        openings=(
            (
                "Relatório semanal",
                "como podemos enviar um relatório semanal para {number} pessoas?",
            ),
            ("Fuso horário", "onde fica a configuração do fuso horário?"),
        ),
        details=(
            "Não é urgente.",
            "Um link para o manual já ajuda.",
        ),
    ),
    ("pt", "bug_report"): Phrases(
        openings=(
            ("Erro desde hoje cedo", "desde hoje cedo aparece um erro que afeta {feature}."),
            ("Exportação incompleta", "a exportação para depois de cerca de {number} linhas."),
        ),
        details=(
            "Em outro navegador acontece o mesmo.",
            "Por favor, verifiquem.",
        ),
    ),
    ("pt", "billing_question"): Phrases(
        openings=(
            ("Fatura de {month}", "poderiam reenviar a fatura de {month}?"),
            ("Mudança de endereço", "nosso endereço de cobrança mudou."),
        ),
        details=(
            "A contabilidade precisa dela esta semana.",
            "O resto está certo.",
        ),
    ),
    ("pt", "praise"): Phrases(
        openings=(
            ("Ótima atualização", "a nova versão economiza horas do nosso time toda semana."),
            ("Obrigado pela ajuda", "seu colega resolveu nosso problema em minutos."),
        ),
        details=(
            "Parabéns à equipe.",
            "Continuem assim.",
        ),
    ),
    ("pt", "frustration"): Phrases(
        openings=(
            ("Ainda sem solução", "é a terceira vez que relatamos o mesmo problema e nada muda."),
            (
                "Sem resposta há dias",
                "esperamos uma resposta há {number} dias, isso não é aceitável.",
            ),
        ),
        details=(
            "A diretoria já está perguntando.",
            "Espero uma ligação esta semana.",
        ),
    ),
    ("pt", "pricing_pushback"): Phrases(
        openings=(
            ("Aumento de preço", "um aumento de {number} por cento é difícil de justificar aqui."),
            ("Licenças demais", "pagamos {number} licenças e usamos só uma parte."),
        ),
        details=(
            "O que podem nos oferecer?",
            "Um plano menor seria suficiente.",
        ),
    ),
    ("pt", "cancellation"): Phrases(
        openings=(
            (
                "Cancelamento da assinatura",
                "queremos cancelar a nossa assinatura no fim de {month}.",
            ),
            ("Não vamos renovar", "decidimos não renovar e mudar de fornecedor."),
        ),
        details=(
            "Por favor, confirmem por escrito.",
            "Precisamos exportar todos os dados.",
        ),
    ),
    ("pt", "cancel_something_else"): Phrases(
        openings=(
            (
                "Cancelar a reunião",
                "por favor, cancelem minha reunião de quinta-feira, estarei viajando.",
            ),
            ("Cancelar uma exportação agendada", "como cancelo uma exportação agendada?"),
        ),
        details=(
            "Semana que vem fica bom para nós.",
            "O resto funciona muito bem.",
        ),
    ),
    ("pt", "will_not_cancel"): Phrases(
        openings=(
            (
                "Não vamos cancelar",
                "só para esclarecer, não vamos cancelar, era apenas uma dúvida sobre a fatura.",
            ),
            ("Renovação", "vamos continuar com vocês, por favor não mudem nada."),
        ),
        details=(
            "Desculpem a confusão.",
            "Talvez a gente aumente o plano.",
        ),
    ),
}

# What customers leave behind when they go, by the reason code of the churn event.
FEEDBACK = {
    "pricing": (
        "The price went up faster than our use of it.",
        "Too expensive for a team of our size.",
        "We could not justify the renewal price.",
    ),
    "support": (
        "Too many open tickets, too few answers.",
        "We lost confidence after the same error came back three times.",
        "Support was friendly but slow.",
    ),
    "features": (
        "We needed deeper reporting than the product offers.",
        "The integration we were waiting for never came.",
        "Good product, but it does not fit our process any more.",
    ),
    "competitor": (
        "Our group standardised on another vendor.",
        "We moved to a tool that our parent company already uses.",
    ),
    "budget": (
        "Budget cut, nothing personal.",
        "All software spending is frozen until next year.",
    ),
    "unknown": (
        "The person who ran the project left the company.",
        "We simply stopped using it.",
    ),
}
