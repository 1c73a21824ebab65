# Around every page

skip = К содержанию
nav = Разделы
nav-calls = Звонки
nav-missed = Пропущенные
nav-board = Табло
nav-sessions = Сеансы
who-machine = Этот компьютер
menu-look = Язык и оформление
menu-language = Язык
menu-theme = Оформление
menu-api = API для программ
theme-auto = Как в системе
theme-light = Светлое
theme-dark = Тёмное
role-admin = Администратор
role-manager = Менеджер
role-listener = Слушатель
role-analyst = Аналитик
role-monitor = Мониторинг
sign-out = Выйти
close = Закрыть
keys-open = Клавиши
keys-title = Клавиши
key-help = Показать эти клавиши
key-go = Сводка, звонки, пропущенные, табло
key-rows = К следующему звонку и к предыдущему
key-open = Открыть звонок
key-search = Поиск
key-news = Показать новые звонки
key-pick = Выбрать звонок
key-tag = Отметить выбранные звонки
key-called-back = Клиенту перезвонили
key-none = Снять выбор

# Signing in

login-title = Вход
login-name = Имя
login-password = Пароль
login-enter = Войти
login-help = Забыли пароль? Новый выдаст администратор ringtag.
login-wrong = Имя или пароль не подходят.
login-slow = Слишком много попыток. Подождите минуту и попробуйте снова.
login-busy = Слишком много входов сразу. Попробуйте чуть позже.
login-ended = Сеанс закончился. Войдите снова.

# Кто вошёл

sessions-title = Сеансы
exports = Выгруженные таблицы
exports-help = Все скачанные таблицы звонков, новые сверху.
exports-none = Таблиц звонков ещё никто не выгружал.
exports-when = Когда
exports-calls = Звонков
exports-which = Каких
exports-all = Все звонки
exports-hidden = текст
filter-limit = Не больше
filter-cursor = Продолжение с
sessions-help = Все, кто сейчас вошёл. Завершить сеанс — значит вывести этот браузер.
sessions-who = Кто
sessions-from = Откуда
sessions-began = С какого времени
sessions-seen = Был последний раз
sessions-own = Этот сеанс
sessions-end = Завершить

# What went wrong

fault-home = К звонкам
fault-400 = Запрос непонятен
fault-401 = Сначала войдите
fault-403 = Это вам недоступно
fault-404 = Здесь ничего нет
fault-405 = Здесь так не получится
fault-429 = Слишком много запросов
fault-500 = Что-то пошло не так
fault-503 = ringtag останавливается
fault-advice-400 = Проверьте адрес или начните со списка звонков.
fault-advice-401 = После входа вы вернётесь сюда.
fault-advice-403 = Ваша роль этого не позволяет. Изменить её может администратор ringtag.
fault-advice-404 = Возможно, адрес набран с ошибкой или звонок относится к чужому проекту.
fault-advice-405 = Вернитесь и попробуйте иначе.
fault-advice-429 = Немного подождите и попробуйте снова.
fault-advice-500 = Попробуйте ещё раз. Если не поможет, причина записана в журнале сервера.
fault-advice-503 = Попробуйте через минуту.

# The list of calls

title-calls = Звонки
title-missed = Пропущенные звонки
title-callback = Ещё не перезвонили
live-on = На связи
live-off = Нет связи: новые звонки не видны
export = Таблицей (CSV)
filter = Отбор
filter-q = Поиск
filter-q-hint = Номер, источник, заметка…
filter-show = Показать
filter-more = Ещё условия
filter-caller = Кто звонил
filter-since = С какого дня
filter-until = По какой день
filter-callback-open = Ещё не перезвонили
filter-in-force = Действующие условия
filter-without = Убрать: { $a }
filter-clear = Показать все
filter-status = Статус
filter-project = Проект
filter-source = Источник
filter-category = Категория
filter-channel = Канал
filter-campaign = Кампания
filter-manager = Кто ответил
filter-tag = Метка
filter-goal = Цель
filter-stage = Этап
filter-outcome = Итог
filter-target = Целевой звонок
filter-repeat = Клиент
filter-any = Любой
filter-chip = { $a }: { $b }
filter-mistake = Непонятно, поэтому не учтено: { $a }
repeat-false = Новый
repeat-true = Звонил раньше
target-true = Целевой
target-false = Нецелевой
period-all = Все
period-today = Сегодня
period-yesterday = Вчера
period-week = 7 дней
period-month = 30 дней
status-answered = Отвеченные
status-missed = Пропущенные
status-in-progress = Идут сейчас
column-pick = Выбор
column-when = Время
column-caller = Кто звонил
column-state = Звонок
column-manager = Кто ответил
column-source = Источник
column-said = Что это было
column-sound = Запись
pick = Выбрать звонок: { $a }, { $b }
calls-none = Звонков пока нет. Первый появится здесь, как только зазвонит телефон.
calls-none-such = Таких звонков нет.
calls-new = { $n ->
    [one] { $shown } новый звонок
    [few] { $shown } новых звонка
   *[many] { $shown } новых звонков
}
pages = Страницы
pages-newest = Самые новые
pages-older = Более ранние
calls-total = { $n ->
    [one] { $shown } звонок
    [few] { $shown } звонка
   *[many] { $shown } звонков
}
bulk = Выбранные звонки
bulk-picked = { $n ->
    [one] Выбран { $shown } звонок
    [few] Выбрано { $shown } звонка
   *[many] Выбрано { $shown } звонков
}
bulk-save = Сохранить
bulk-none = Снять выбор
bulk-done = { $n ->
    [one] Изменён { $shown } звонок
    [few] Изменено { $shown } звонка
   *[many] Изменено { $shown } звонков
}
left-title = Изменены не все звонки
left-calls = Остались как были
left-call = Звонок
left-back = К звонкам
left-some = Остались как были и всё ещё выбраны:
left-changed = тем временем изменено: { $a }; посмотрите и сохраните ещё раз
left-unknown-call = его больше нет
left-not-missed = он не был пропущен
left-not-in-list = в его проекте нет такого слова
left-erased = данные позвонившего удалены
left-full = о нём сказано столько, сколько помещается
left-busy = слишком много изменений сразу; повторите чуть позже
left-internal = журнал звонков не удалось записать
left-stopping = ringtag завершает работу
say-tag = Добавить метку
say-keep = Как есть

# A call

standing-ringing = Звонит
standing-talking = Говорят
standing-answered = Отвечен
standing-missed = Пропущен
standing-refused = Отклонён
caller-anonymous = Номер скрыт
caller-erased = Удалён
visit-first = Первый звонок
visit-nth = Звонок № { $a }
waited = Ожидание { $a }
called-back = Перезвонили
called-back-of = Клиенту { $a } перезвонили
callback-open = Не перезвонили уже { $a }
callback-done = Перезвонил: { $a }
callback-caller = Клиент дозвонился позже
listen-to = Прослушать звонок: { $a }
goal-price = Цена
goal-problem = Проблема
goal-order = Заказ
goal-delivery = Доставка
goal-advice = Консультация

# Why a call ended

why-completed = Разговор закончен
why-caller-gave-up = Клиент повесил трубку, не дождавшись ответа
why-busy = Все были заняты
why-no-answer = Звонили, никто не ответил
why-rejected = Отклонён правилом
why-unreachable = Ни до кого не удалось дозвониться
why-no-rule = Для него нет правила
why-codec-mismatch = У телефонов нет общего кодека
why-overload = Слишком много звонков сразу
why-media-lost = Пропал звук с обеих сторон
why-signalling-lost = Телефон пропал со связи
why-shutdown = ringtag был остановлен
why-hung-up-by-operator = Завершён администратором
why-crashed = Работа ringtag прервалась
why-bad-request = Запрос оператора связи не удалось выполнить
why-session-expired = Телефон перестал отвечать
why-srtp-mismatch = Не удалось зашифровать звук, как требует транк
why-transferred = Клиента соединили с другим звонком
why-too-many-numbers = Звонящий набрал слишком много номеров

# Time

day-today = Сегодня
day-yesterday = Вчера
weekday-1 = Понедельник
weekday-2 = Вторник
weekday-3 = Среда
weekday-4 = Четверг
weekday-5 = Пятница
weekday-6 = Суббота
weekday-7 = Воскресенье
weekday-brief-1 = Пн
weekday-brief-2 = Вт
weekday-brief-3 = Ср
weekday-brief-4 = Чт
weekday-brief-5 = Пт
weekday-brief-6 = Сб
weekday-brief-7 = Вс
month-1 = января
month-2 = февраля
month-3 = марта
month-4 = апреля
month-5 = мая
month-6 = июня
month-7 = июля
month-8 = августа
month-9 = сентября
month-10 = октября
month-11 = ноября
month-12 = декабря
span-seconds = { $shown } с
span-minutes = { $shown } мин
span-hours = { $shown } ч
span-days = { $n ->
    [one] { $shown } день
    [few] { $shown } дня
   *[many] { $shown } дней
}

# The player

player = Запись
player-play = Слушать
player-pause = Пауза
player-position = { $a } из { $b }
player-slider = Место в записи
player-back = На 10 секунд назад
player-forth = На 10 секунд вперёд
player-heard = Кого слышно
player-caller = Клиент
player-both = Оба
player-callee = Менеджер
player-speed = Скорость
player-skip = Без тишины
player-link = Ссылка на это место
player-copied = Ссылка на { $a } скопирована
player-kept = Адресная строка теперь ведёт на { $a }
player-grows = Разговор идёт, запись растёт
player-none = Записи пока нет
player-fault = Запись не проигрывается. Обновите страницу.
pins = Заметки к местам записи
pin-add = Заметка здесь
pin-label = Заметка на
pin-seen = Её увидят все, кому доступен этот звонок.
pin-save = Сохранить
pin-cancel = Отмена
pin-remove = Удалить
pin-remove-of = Удалить заметку на { $a }
pin-noted = Заметка на { $a } сохранена
pin-refused = Не сохранилось. Обновите страницу и попробуйте снова.
gaps = Чего нет в записи
recording-paused = Запись остановлена { $a }: { $b }
paused-by-keys = кнопками телефона
paused-by-hold = удержание
one-way-caller = Звонившего не было слышно
one-way-callee = Ответившего не было слышно
recording-part = Часть { $a } ({ $b })
gap-codec = кодек { $a } не записывается
gap-encrypted = звук был зашифрован
gap-unexplained = звук неизвестного вида
gap-behind = диск не успевал
gap-nothing = ничего не передавалось
gap-full = на диске не было места
gap-other = сбой диска ({ $a })
key-space = Пробел
key-play = Слушать или пауза
key-step = На 10 секунд назад или вперёд
key-nudge = На 5 секунд назад или вперёд
key-speed = Медленнее или быстрее
key-skip = Без тишины
key-pin = Заметка на этом месте

# A call's page

path = Как это было
path-began = { $a } звонит на { $b }
path-rule = Правило: { $a }
path-rings = Пошёл вызов
path-answered = Ответ: { $a }
path-tried = { $a }: { $b }
path-sent-on = { $a } переводит звонок: { $b }
path-after = через { $a }
path-rang = звонило { $a }
path-goes-on = Ещё продолжается
path-by-caller = Клиент повесил трубку
path-by-callee = Ответивший повесил трубку
path-by-system = Звонок завершил ringtag
tried-answered = ответ
tried-busy = занято
tried-no-answer = нет ответа
tried-rejected = вызов отклонён
tried-unreachable = недоступен
tried-codec-mismatch = нет общего кодека
tried-answered-elsewhere = другой ответил раньше
tried-cancelled = клиент повесил трубку
tried-no-capacity = не было свободной линии
tried-redirected = переадресовано
tried-not-allowed = через этот транк туда звонить нельзя
tried-srtp-mismatch = нет шифрования, которого требует транк
tried-loop = звонок вернулся бы обратно
tried-trunk = через { $a }
facts = О звонке
fact-number = Набранный номер
fact-channel = Канал
fact-campaign = Кампания
fact-rule = Правило
fact-waited = Ожидание
fact-talked = Разговор
fact-sip = Ответ SIP
fact-q850 = Причина (Q.850)
fact-caller-from = Номер взят из
fact-id = Идентификатор
fact-recording = Запись
fact-sound = Звук (оценка)
sound-of = { $a }: { $b }
sound-good = хороший ({ $a } из 4,5)
sound-fair = средний ({ $a } из 4,5)
sound-poor = плохой ({ $a } из 4,5)
recording-complete = Полная
recording-partial = Не хватает части
recording-truncated = Оборвана
recording-repaired = Восстановлена после сбоя
earlier = Прежние звонки
earlier-none = Их не было.
earlier-all = Все звонки этого клиента
history = Изменения, прослушивания, выгрузки
history-none = Никто ещё ничего не менял, не слушал и не выгружал.
history-change = { $a }: { $b }
history-to = { $a } → { $b }
history-removed = { $a } снято
history-played = Прослушана запись
history-downloaded = Запись скачана
history-exported = { $n ->
    [one] Выгружен в таблице из { $shown } звонка
    [few] Выгружен в таблице из { $shown } звонков
   *[many] Выгружен в таблице из { $shown } звонков
}
history-perhaps-exported = { $n ->
    [one] Возможно, выгружен в таблице из { $shown } звонка
    [few] Возможно, выгружен в таблице из { $shown } звонков
   *[many] Возможно, выгружен в таблице из { $shown } звонков
}
history-flag-yes = да
history-flag-no = нет
field-tags = Метки
field-target = Целевой звонок
field-goal = Цель
field-stage = Этап
field-outcome = Итог
field-value = Сумма
field-note = Заметка
field-called_back = Перезвонили
field-pinned = Заметка к моменту
by-machine = Этот компьютер
legs = Плечи вызова, для администратора
leg-role = Сторона
leg-trunk = Транк
leg-uri = Адрес
leg-call-id = Call-ID
leg-codec = Кодек
leg-packets = Пакеты: принято / отправлено
leg-lost = Потери, джиттер: от него
leg-lost-there = Потери, джиттер: к нему
leg-way = Туда и обратно
leg-mos = Звук (MOS, оценка)
leg-ms = { $a } мс
leg-digits = Набор
leg-caller = Клиент
leg-callee = Ответивший
leg-transfer = Перевод
hang-up = Завершить звонок
hang-up-ask = Завершить звонок для обеих сторон?
hang-up-failed = Звонок не завершён:
ladder-none = Сообщения этого звонка не сохранились.
ladder-more = Не сохранено сообщений в середине: { $a }
ladder = Сообщения SIP
say = Что это было
say-tags = Метки
say-none = Не указано
say-value = Сумма, { $a }
say-note = Заметка
say-saved = Сохранено
say-unsaved = Ещё не сохранено
say-failed = Не сохранено:
say-changed = Тем временем этот звонок изменили:
say-theirs = Принять эти изменения
say-mine = Сохранить моё поверх
say-conflict = Не сохранено: тем временем этот звонок изменил кто-то другой. Посмотрите ещё раз и повторите.
say-nothing = Об этом звонке ещё ничего не сказано.
key-goal = Выбрать цель
key-target = Целевой, нецелевой
key-add-tag = Добавить метку
key-fields = Этап, итог, сумма, заметка
key-save = Сохранить
stage-new = Новый
stage-in-talks = Переговоры
stage-offer = Предложение
stage-closed = Закрыт
outcome-sold = Продажа
outcome-appointment = Встреча
outcome-call-back = Перезвонить
outcome-refused = Отказ
outcome-wrong-number = Ошиблись номером

# The board

board-ringing = Звонят
board-talking = Говорят
board-missed = Пропущено сегодня
board-open = { $shown } без ответного звонка
board-answered = Отвечено сегодня
board-lines = Занято линий
board-quiet = Всё спокойно.
board-others = и ещё { $shown }
board-cut = Нет связи с { $a }
board-draining = ringtag останавливается: новые звонки не принимаются
rest-always = { $a }: отслеживание выключено. Звонки проходят, но не записываются и не попадают в отчёты.
rest-season = { $a }: не сезон до { $b }. Звонки проходят, но не записываются и не попадают в отчёты.
rest-seasons = { $a }: не сезон { $b }.
rest-calls = { $n ->
    [0] За это время звонков не было.
    [one] { $shown } звонок прошёл без отслеживания и в цифры не вошёл.
    [few] { $shown } звонка прошли без отслеживания и в цифры не вошли.
   *[other] { $shown } звонков прошли без отслеживания и в цифры не вошли.
  }
key-full = На весь экран

# Reports

nav-reports = Отчёты
report-more = Период по дням и условия
report-by = Строки
report-drawn = На графике
report-beside = рядом с { $a }
report-none = За этот период звонков нет. Выберите период длиннее или дождитесь первого звонка.
report-none-such = Таких звонков за этот период нет. Снимите условие или выберите период длиннее.
report-how = Как посчитано
report-chart-more = { $n ->
    [one] На графике нет ещё { $shown } строки, она есть в таблице.
    [few] На графике нет ещё { $shown } строк, они есть в таблице.
   *[many] На графике нет ещё { $shown } строк, они есть в таблице.
}
report-rows-more = { $n ->
    [one] Ещё { $shown } строка есть в таблице для скачивания.
    [few] Ещё { $shown } строки есть в таблице для скачивания.
   *[many] Ещё { $shown } строк есть в таблице для скачивания.
}
report-sources = Источники
report-asks-sources = Какая реклама приводит звонки и клиентов?
report-days = По дням
report-asks-days = Звонков больше, чем раньше, и на них отвечают?
cut-source = Источник
cut-campaign = Кампания
cut-channel = Канал
cut-category = Категория
cut-number = Номер
cut-day = День
cut-week = Неделя
cut-month = Месяц
chart-title = { $a } · { $b }
chart-about = { $a }, рядом с { $b }. Все цифры есть в таблице ниже.
legend-now = этот период
legend-before = период до него
legend-range = где лежит настоящая доля
line-none = не указано
line-total = Всего
line-week = Неделя с { $a }
share-of = { $a } из { $b }
share-few = { $a }: { $b }
figure-few = { $n ->
    [one] из { $shown } звонка
    [few] из { $shown } звонков
   *[many] из { $shown } звонков
}
figure-minutes = { $a } мин
change-was = было { $a }
change-same = как раньше
change-points = { $a } п. п.
figure-calls = Звонки
figure-answered = Отвечено
figure-missed = Пропущено
figure-missed_share = Доля пропущенных
figure-target = Целевые
figure-customers = Клиенты
figure-conversion = Конверсия
figure-wait = Ожидание
figure-talk = Разговор
figure-revenue = Выручка
formula-calls = Все звонки, начавшиеся за период, в том числе идущие сейчас; звонки вне сезона не считаются.
formula-answered = Звонки, на которые ответили.
formula-missed = Звонки, закончившиеся без ответа, кроме отклонённых правилом.
formula-missed_share = Пропущено / звонки. Если звонков мало: сколько из скольких и границы, в которых настоящая доля лежит в 95 случаях из 100 (Уилсон).
formula-target = Звонки, которые отмечены как целевые.
formula-customers = Звонки, итог которых — продажа.
formula-conversion = Клиенты / звонки. Если звонков мало: сколько из скольких и границы, в которых настоящая доля лежит в 95 случаях из 100 (Уилсон).
formula-wait = Среднее время от начала звонка до ответа, по отвеченным звонкам.
formula-talk = Среднее время от ответа до конца, по законченным отвеченным звонкам.
formula-revenue = Сумма того, во что звонки оценили.
filter-number = Номер
filter-rule = Правило
filter-offered = Предложен
filter-not_manager = Ответил не
filter-reason = Причина завершения
filter-ended = Закончен
filter-valued = Сумма указана
filter-customer = Клиенты
filter-lead = Лиды
filter-lacks = Не указано
filter-hour = Час
filter-weekday = День недели
filter-min_wait_ms = Ожидание не меньше
filter-max_wait_ms = Ожидание не больше
filter-callback-done = Перезвонили
filter-callback-spoken = Перезвонил сам и дозвонился
ended-true = да
ended-false = ещё идёт
valued-true = да
valued-false = нет
period-quarter = 90 дней
period-this-month = Этот месяц
period-last-month = Прошлый месяц
whole-month-1 = Январь
whole-month-2 = Февраль
whole-month-3 = Март
whole-month-4 = Апрель
whole-month-5 = Май
whole-month-6 = Июнь
whole-month-7 = Июль
whole-month-8 = Август
whole-month-9 = Сентябрь
whole-month-10 = Октябрь
whole-month-11 = Ноябрь
whole-month-12 = Декабрь
verdict-pays = окупается
verdict-does-not-pay = не окупается
verdict-untold = рано судить
report-managers = Менеджеры
report-asks-managers = Кто отвечает, как быстро и чем это кончается?
managers-answer = Кто отвечает
managers-sell = Что из этого вышло
report-hours = Часы и дни недели
report-asks-hours = Когда звонят и когда не отвечают?
report-repeat = Первые и повторные
report-asks-repeat = Это новые люди или те, кто нас знает?
report-reasons = Чем кончились звонки
report-asks-reasons = Что мешает звонку стать разговором?
report-goals = Цели по неделям
report-asks-goals = Чего хотят звонящие и как это меняется?
report-missed = Пропущенные
report-asks-missed = Кому не ответили и как быстро перезвонили?
report-funnel = Воронка
report-asks-funnel = До какого этапа доходят и где мы их теряем?
report-lines = Занятые линии
report-asks-lines = Сколько нужно линий?
report-answer-time = Время до ответа
report-asks-answer-time = Сколько ждут, пока кто-нибудь ответит?
cut-managers = Менеджер
cut-hours = День недели
cut-repeat = Клиент
cut-reasons = Причина
cut-goals = Цель и неделя
cut-funnel = Этап
cut-lines = День
cut-answer-time = Ожидание
report-rules = Правила
report-asks-rules = Сколько звонков решает каждое правило и чем они кончаются?
cut-rule = Правило
line-first = Первый звонок
line-repeat = Звонили раньше
line-unknown = Номер скрыт
line-waited = { $a }–{ $b } с
line-waited-more = { $a } с и дольше
taken-own = этот менеджер
taken-other = кто-то другой
filter-taken = Ответил
filter-stages = Этап
filter-first_stage = На первом этапе
figure-offered = Предложено
figure-answered_share = Доля отвеченных
figure-others = Ответили другие
figure-wait_median = Ожидание, медиана
figure-wait_p90 = Ожидание, 90 %
figure-wait_p95 = Ожидание, 95 %
figure-wait_p99 = Ожидание, 99 %
figure-share = Доля
figure-shift = Сдвиг, п. п.
figure-reached = Дошли
figure-step = От этапа выше
figure-here = Остались здесь
figure-most = Больше всего сразу
figure-p95 = 95 % времени
figure-load = Час пик, эрланг
figure-needed = Нужно линий
figure-called_back = Перезвонили
figure-open = Ещё ждут
figure-after_median = До ответного звонка, медиана
figure-after_p90 = До ответного звонка, 90 %
formula-offered = Законченные звонки, которые звонили у этого менеджера, у него одного или вместе с другими.
formula-managers-answered = Предложенные звонки, на которые ответил этот менеджер.
formula-answered_share = Отвечено / предложено.
formula-managers-missed = Предложенные звонки, на которые не ответил никто.
formula-others = Предложенные звонки, на которые ответил кто-то другой.
formula-managers-wait = Среднее время от начала звонка до ответа, по звонкам, на которые ответил этот менеджер.
formula-wait_median = Половина звонивших ждала ответа не дольше.
formula-wait_p90 = Девять из десяти звонивших ждали ответа не дольше (90-й процентиль).
formula-wait_p95 = 95 из 100 звонивших ждали ответа не дольше.
formula-wait_p99 = 99 из 100 звонивших ждали ответа не дольше.
formula-managers-talk = Среднее время от ответа до конца, по тем из этих звонков, что закончены.
formula-managers-target = Отвеченные звонки, которые отмечены как целевые.
formula-managers-customers = Отвеченные звонки, итог которых — продажа.
formula-managers-conversion = Клиенты / отвечено. Если звонков мало: сколько из скольких и границы, в которых настоящая доля лежит в 95 случаях из 100 (Уилсон).
formula-managers-revenue = Сумма того, во что оценили отвеченные звонки.
formula-goals-calls = Звонки недели с этой целью. Неделя начинается в понедельник.
formula-goals-share = Звонки с этой целью / звонки недели, у которых указана цель.
formula-shift = Доля минус доля неделей раньше, в процентных пунктах.
formula-reasons-share = Звонки строки / все звонки.
formula-funnel-share = Дошли / все звонки.
formula-reached = Звонки на этом этапе или дальше.
formula-step = Дошли / дошли до этапа строкой выше.
formula-here = Звонки на самом этом этапе; в первой строке — звонки без этапа.
formula-most = Больше всего звонков в один момент. Звонок занимает линию от начала, вместе с ожиданием, до конца.
formula-p95 = 95 % суток, считая ночь, было занято не больше линий.
formula-load = Время, когда линии были заняты в час пик / один час.
formula-needed = Наименьшее число линий, при котором с этой нагрузкой все заняты не чаще чем для 1 % звонков (Эрланг B).
formula-called_back = Пропущенные, с кем потом поговорили или о ком сказано, что ему перезвонили / все пропущенные.
formula-open = Пропущенные, с кем после этого ещё никто не говорил.
formula-after_median = С половиной дозвонившихся позже поговорили не позднее чем через это время.
formula-after_p90 = С девятью из десяти дозвонившихся позже поговорили не позднее чем через это время.
formula-answer-time-answered = Отвеченные звонки, ждавшие столько.
formula-answer-time-answered_share = Отвеченные строки / все отвеченные.
formula-answer-time-missed = Пропущенные звонки, закончившиеся через столько.
formula-answer-time-missed_share = Пропущенные строки / все пропущенные.

# The dashboard

nav-dashboard = Сводка
dashboard-of = Последние 7 дней рядом с предыдущими 7
dashboard-none = За две недели звонков не было. Как только зазвонит, здесь будет видно, что из этого вышло.
dashboard-open = Не перезвонили
dashboard-open-note = пропущены за 30 дней
dashboard-best = Лучший час
dashboard-best-note = отвечено { $a } из { $b }
dashboard-hours = { $a }:00–{ $a }:59
dashboard-sources = Источники
dashboard-all = Отчёт
dashboard-days = Звонки по дням
dashboard-changed = Что изменилось
dashboard-changed-none = Ничего, что не объяснялось бы случаем.
dashboard-mover = { $a }: { $b }
dashboard-cost = Цена клиента
dashboard-cost-none = Внесите расходы, и здесь появится цена клиента.

# Деньги: что потрачено и что это принесло

report-money = Деньги
report-asks-money = Сколько стоит клиент и окупается ли реклама?
money-pays = Окупается ли
money-calls = Во что обходится звонок
money-spent = Потрачено и получено
figure-advertising = Реклама
figure-other_costs = Услуги, зарплата
figure-spent = Потрачено
figure-cost_of_call = Цена звонка
figure-cost_of_target = Цена целевого звонка
figure-leads = Лиды
figure-cpl = Цена лида (CPL)
figure-cac = Цена клиента (CAC)
figure-roas = ROAS
figure-profit = Прибыль
figure-roi = ROI
figure-verdict = Окупается?
formula-advertising = Что введено как реклама. Сумма делится поровну на свои дни; копейки, которые не делятся, достаются первым дням. То, что относится не к одной строке, например к кампании с несколькими источниками, поровну несут звонки, к которым оно относится.
formula-other_costs = Услуги и зарплаты, поделённые на дни и звонки так же, как реклама.
formula-spent = Реклама + услуги и зарплаты.
formula-cost_of_call = Потрачено / звонки.
formula-cost_of_target = Потрачено / целевые звонки.
formula-leads = Люди, которые могут купить: позвонившие с целевым звонком или сделкой, каждый один раз, сколько бы ни звонил. Скрывший номер считается при каждом звонке. Пришедший через два источника — лид обоих, а всего один.
formula-cpl = Цена лида: потрачено / лиды. Сколько стоит, чтобы позвонил тот, кто может купить.
formula-cac = Цена клиента: потрачено / клиенты. Сколько стоит, чтобы кто-то купил. Это цена лида, делённая на долю лидов, которые покупают: разница — то, что теряется между звонком и продажей, а это работа тех, кто продаёт, а не рекламы.
formula-profit = Клиенты × сколько оставляет сделка (deal_profit проекта) − потрачено.
formula-roas = Отдача рекламных расходов: выручка / реклама. Услуги и зарплаты сюда не входят.
formula-roi = Рентабельность вложений: прибыль / потрачено. При 0 реклама только вернула своё.
formula-verdict = Окупается, если сделка оставляет больше, чем стоит клиент. Если клиентов меньше 10, это говорится, только когда верно на обоих краях промежутка, в котором лежит конверсия. Рано судить, пока ничего не потрачено, не указано, сколько оставляет сделка, или клиентов слишком мало.

# Сохранённые отчёты

nav-saved = Сохранённые
saved-title = Сохранённые отчёты
saved-help = Отчёты вместе с их отбором. Период вроде «прошлой недели» движется вместе с календарём.
saved-no-mail = Почта не настроена, поэтому ничего не отправляется. Администратор ringtag вписывает почтовый сервер в [mail].
saved-none = Пока ни один отчёт не сохранён. Откройте отчёт и выберите «Сохранить этот отчёт».
saved-by = Кто сохранил: { $a }
saved-not-sent = Никому не отправляется.
saved-when = { $a } в { $b }
saved-next = следующий раз { $a }
saved-on-1 = По понедельникам
saved-on-2 = По вторникам
saved-on-3 = По средам
saved-on-4 = По четвергам
saved-on-5 = По пятницам
saved-on-6 = По субботам
saved-on-7 = По воскресеньям
saved-delivered = Последняя доставка: { $a }, кому: { $b }
saved-waiting = В пути
saved-tried-next = следующая попытка { $a }
saved-dead = Не доставлено
saved-given-up = попытки закончились { $a }
saved-open = Открыть
saved-send-now = Отправить сейчас
saved-trial = Прислать мне на пробу
saved-again = Попробовать ещё раз
saved-remove = Удалить
saved-change = Изменить
saved-name = Название
saved-keep = Сохранить
saved-cancel = Отмена
saved-new = Сохранить этот отчёт
saved-refused = Отчёт не сохранён.
saved-period = Период
saved-period-fixed = Эти дни
saved-weekly = Письмом каждую неделю
saved-never = Никогда
saved-weekday = День
saved-hour = Час по времени проекта
saved-recipients = Кому
saved-recipients-help = До 20 адресов, по одному в строке. Если нужно больше, укажите адрес рассылки.
relative-last-week = Прошлая неделя
relative-this-week = Эта неделя
relative-today = Сегодня
relative-yesterday = Вчера
relative-last-7-days = Последние 7 дней
relative-last-30-days = Последние 30 дней
relative-last-90-days = Последние 90 дней
relative-last-month = Прошлый месяц
relative-this-month = Этот месяц
relative-last-quarter = Прошлый квартал
withheld-no-mail = Не отправляется: почта не настроена.
withheld-no-user = Не отправляется: пользователя { $a }, сохранившего отчёт, больше нет. Измените отчёт, и он станет вашим.
withheld-no-right = Не отправляется: у { $a }, сохранившего отчёт, больше нет на это права. Измените отчёт, и он станет вашим.
withheld-no-project = Не отправляется: проекта { $a } больше нет.

# Письмо с отчётом

letter-subject = { $a }: { $b }
letter-before = Мелким: { $a }
letter-picture = Столбцы: { $a }. Числа стоят рядом.
letter-open = Открыть этот отчёт
letter-settings = Сохранённые отчёты
letter-foot = Вы получили это письмо, потому что { $a } отправляет его вам через ringtag.

# Расходы

nav-spend = Расходы
spend-title = Расходы
spend-about = Сколько стоит реклама, день за днём
spend-results = Последние 30 дней
spend-report = Весь отчёт: по источникам, кампаниям и каналам
spend-cheapest = Самые дешёвые клиенты: { $a }, по { $b }
spend-dearest = Самые дорогие клиенты: { $a }, по { $b }
spend-enter = Ввести сумму
spend-correct = Исправить сумму
spend-import = Загрузить таблицу
spend-import-help = CSV с заголовком. Столбцы: source (источник), campaign (кампания) или channel (канал) — один из них, * значит весь проект; from (с), until (по), amount (сумма); если нужно — cost (вид), currency (валюта), note (примечание), project (проект). Пока вы не посмотрели, ничего не вводится.
spend-import-project = Проект для строк, где он не указан
spend-file = Файл
spend-text = Или вставьте таблицу сюда
spend-look = Сначала посмотреть
spend-preview = Будет введено
spend-confirm = Ввести всё
spend-leave = Не надо
spend-bad = В таблице ошибки
spend-bad-help = Ничего не введено. Исправьте эти строки ниже или в своей таблице и посмотрите ещё раз.
spend-line = Строка
spend-wrong = Что не так
spend-for = За что
spend-choose = Выберите…
spend-cost = Вид
spend-amount = Сумма
spend-from = С
spend-until = По, включая этот день
spend-days = Дни
spend-note = Примечание
spend-save = Ввести
spend-save-change = Сохранить исправление
spend-list = Суммы
spend-all = Все
spend-removed = И удалённые
spend-none = За это время сумм нет.
spend-history = Кто и когда
spend-edit = Исправить
spend-remove = Удалить
spend-each = { $a } в день
spend-of-project = Весь проект
spend-of-source = Источник
spend-of-campaign = Кампания
spend-of-channel = Канал
spend-whole = Весь проект
spend-group = { $a } · { $b }
cost-advertising = Реклама
cost-service = Услуга
cost-salary = Зарплата
spend-did-entered = { $a }: введено { $b }
spend-did-imported = { $a }: загружено { $b }
spend-did-corrected = { $a }: исправлено на { $b }
spend-did-removed = { $a }: удалено
spend-done-entered = Сумма введена.
spend-done-corrected = Сумма исправлена. Прежняя осталась в истории.
spend-done-removed = Сумма удалена. История осталась.
spend-done-imported = { $n ->
    [one] Введена { $shown } сумма.
    [few] Введены { $shown } суммы.
   *[many] Введено { $shown } сумм.
}
spend-rows = { $n ->
    [one] { $shown } строка
    [few] { $shown } строки
   *[many] { $shown } строк
}
spend-faults-more = { $n ->
    [one] И ещё { $shown } ошибка.
    [few] И ещё { $shown } ошибки.
   *[many] И ещё { $shown } ошибок.
}
spend-rows-more = { $n ->
    [one] Ещё { $shown } сумма есть в таблице для скачивания.
    [few] Ещё { $shown } суммы есть в таблице для скачивания.
   *[many] Ещё { $shown } сумм есть в таблице для скачивания.
}
spend-wrong-project-needed = Не указано, какого это проекта; добавьте столбец «project».
spend-wrong-unknown-project = Нет проекта «{ $a }»; напишите id того, который есть.
spend-wrong-unknown-project-near = Нет проекта «{ $a }»; может быть, «{ $b }»?
spend-wrong-no-purpose = Не указан ни источник, ни кампания, ни канал; укажите один из них или * — весь проект.
spend-wrong-two-purposes = Указано ещё и «{ $a }»; укажите один источник, кампанию или канал, остальное оставьте пустым.
spend-wrong-unknown-source = Нет источника «{ $a }»; напишите метку того, который есть.
spend-wrong-unknown-source-near = Нет источника «{ $a }»; может быть, «{ $b }»?
spend-wrong-unknown-campaign = Нет кампании «{ $a }»; напишите ту, которая есть у источника.
spend-wrong-unknown-campaign-near = Нет кампании «{ $a }»; может быть, «{ $b }»?
spend-wrong-unknown-channel = Нет канала «{ $a }»; напишите тот, который есть у источника.
spend-wrong-unknown-channel-near = Нет канала «{ $a }»; может быть, «{ $b }»?
spend-wrong-unknown-cost = «{ $a }» — не вид расхода; напишите advertising, service или salary, для рекламы можно оставить пустым.
spend-wrong-no-date = «{ $a }» — не дата; напишите 2026-11-30 или 30.11.2026.
spend-wrong-empty-date = День «{ $a }» пуст; напишите 2026-11-30 или 30.11.2026.
spend-wrong-backwards = Конец { $b } раньше начала { $a }; поменяйте дни местами.
spend-wrong-too-long = Дольше { $a } дней; введите по частям.
spend-wrong-no-amount = «{ $a }» — не сумма; напишите 50000 или 50000,50.
spend-wrong-empty-amount = Сумма пуста; напишите 50000 или 50000,50.
spend-wrong-ambiguous-amount = «{ $a }» — это тысячи или дробь? Напишите 50000 или 50000,50.
spend-wrong-not-positive = «{ $a }» — не больше нуля; чтобы вернуть сумму, исправьте или удалите введённую.
spend-wrong-too-much = «{ $a }» — больше, чем бывает одна сумма; проверьте цифры.
spend-wrong-currency = Валюта { $a }, а проект считает в { $b }; переведите сумму и напишите { $b } или ничего.
spend-wrong-note = Примечание длиннее { $a } знаков или в несколько строк; сократите до одной строки.
spend-wrong-not-text = Файл не в UTF-8; сохраните таблицу как «CSV UTF-8».
spend-wrong-empty = В таблице нет строк; нужен заголовок и по строке на сумму.
spend-wrong-unknown-column = Нет столбца «{ $a }»; есть source, campaign, channel, from, until, amount, currency, note, cost и project.
spend-wrong-unknown-column-near = Нет столбца «{ $a }»; может быть, «{ $b }»?
spend-wrong-column-twice = Столбец «{ $a }» есть дважды; оставьте один.
spend-wrong-no-column = Нет столбца «{ $a }»; добавьте его в заголовок.
spend-wrong-too-many-rows = Больше { $a } строк; разделите таблицу.
spend-wrong-too-large = Таблица больше { $a } КБ; разделите её.
spend-wrong-cells = В строке { $a } ячеек, а в заголовке { $b }; сумма или примечание с запятой должны быть в кавычках.
spend-wrong-same-as-line = То же, что в строке { $a }; оставьте одну или напишите другое примечание.
spend-wrong-same-as-entered = То же уже ввёл { $a }; уберите или, если платили дважды, напишите другое примечание.
spend-wrong-overlaps-line = За те же дни, что строка { $a }: посчитаются обе.
spend-wrong-overlaps-entered = { $b } уже ввёл за то же { $a }: посчитаются обе суммы.
spend-wrong-changed = Кто-то уже изменил эту сумму; посмотрите на неё снова.

# Правила

nav-rules = Правила
rules-help = То, что действует сейчас. Звонки — за последние 30 дней.
rules-list = Правила по порядку
rules-rule = Правило
rules-when = Условия
rules-does = Что делается
rules-lately = Решило
rules-report = Чем кончились их звонки
rules-always = любой звонок
rules-none = Звонки без правила
rules-no-calls = нет звонков
rules-idle = За 30 дней не решило ни одного звонка.
rules-never-number = Никогда не сработает: его условиям не отвечает ни один номер.
rules-never-taken = Никогда не сработает: раньше стоит { $a } и забирает его звонки.
rules-sources = { $a }: источники и номера
rules-source = Источник
rules-numbers = Номера
rules-zone = Часовой пояс { $a }
rules-holidays = Праздники { $a }
rules-off-season = Не сезон { $a }
rules-untracked = Отслеживание выключено
rules-groups = Группы
rules-no-groups = Групп нет.
rules-group = Группа
rules-members = Участники
rules-ring = Звонит
rules-seconds = каждому { $a } с
rules-managers = Менеджеры
rules-manager = Менеджер
rules-dials = Телефон
rules-trunk = Транк
when-project = Проект
when-source = Источник
when-category = Категория
when-number = Номер
when-caller = Звонящий
when-hours = Часы
when-repeat = Уже звонил
when-trunk = Транк
act-reject = отклоняет с кодом { $a }
act-ring = каждому звонит { $a } с
act-record-true = записывает
act-record-false = не записывает
act-group = группа { $a } ({ $b })
act-last = кто ответил этому звонящему в прошлый раз
strategy-all = все сразу
strategy-in-order = по очереди сверху вниз
strategy-round-robin = по кругу
strategy-random = в случайном порядке
strategy-least-recent = сначала кто дольше отдыхал
strategy-weighted = по весу
explain-title = Почему звонок идёт туда, куда идёт
explain-to = Набранный номер
explain-from = Кто звонит
explain-at = Когда ({ $a })
explain-before = Уже звонил
before-known = как знает журнал
before-no = нет, первый звонок
before-yes = да
explain-ask = Объяснить
explain-wrong-number = Такого номера нет.
explain-wrong-time = Это не время.
explain-wrong-name = Такого имени нет.
explain-call = { $a } звонит на { $b }
explain-step = { $a }, { $b } с
explain-none = Ни одно правило не подошло: звонящий слышит, что номер никуда не ведёт (404), звонок считается пропущенным.
explain-rejects = Решает «{ $a }»: звонок отклоняется с кодом { $b }.
explain-nobody = Решает «{ $a }»: никому не звонит.
explain-rings = Решает «{ $a }». Звонит:
explain-shuffles = Группа { $a } звонит { $b }: порядок меняется от звонка к звонку.
explain-last = Первым звонит тот, кто ответил этому звонящему в прошлый раз, если журнал о таком знает.
explain-untracked = не записывается и не попадает в отчёты: не сезон или отслеживание выключено
explain-recorded = записывается
explain-unrecorded = не записывается
verdict-decides = решает
verdict-unasked = не спрашивается: решило более раннее
not-project = его проект — { $a }, у звонка — { $b }
not-source = его источник — { $a }, у звонка — { $b }
not-category = его категория — { $a }, у звонка — { $b }
not-unknown-category = его категория — { $a }, у источника звонка её нет
not-number = его номер — { $a }, а набран { $b }
not-caller = оно для звонящих { $a }, а звонит { $b }
not-trunk = его транк — { $a }, у звонка — { $b }
not-unknown-trunk = его транк — { $a }, у звонка он неизвестен
not-hours = его часы — { $a }, а звонок: { $b }
not-holiday = его часы — { $a }, но { $b } — праздник
not-again = оно для тех, кто уже звонил; это первый звонок
not-first = оно для первых звонков; этот звонящий уже звонил, раз: { $a }
replay-title = Проверить новую конфигурацию
replay-help = Вставьте конфигурацию целиком, какой она должна стать. Прошлые звонки проверяются по действующим правилам и по вашим. Ничего не загружается и не записывается; файлы, названные в ней, не открываются, а сам текст забывается.
replay-text = Конфигурация (TOML)
replay-file = Или взять файл
replay-try = Проверить
replay-busy = Проверяем …
replay-busy-now = Идёт другая проверка. Попробуйте чуть позже.
replay-no-days = Первый день позже последнего.
replay-failed = Не получилось. Без скриптов текст должен быть короче 64 КБ, со скриптами — короче 1 МБ.
replay-mistakes = В конфигурации ошибки
replay-warnings = Что работает, но вряд ли так задумано
replay-place = Строка { $a }, столбец { $b }:
replay-same = { $a }: с каждым будет так же, как сейчас.
replay-sum = { $a }; иначе будет с { $b }.
replay-unknown = { $n ->
    [one] О { $shown } звонке сказать нечего: его номера нет ни там, ни там.
    [few] О { $shown } звонках сказать нечего: их номеров нет ни там, ни там.
   *[other] О { $shown } звонках сказать нечего: их номеров нет ни там, ни там.
  }
replay-erased = { $n ->
    [one] { $shown } звонок удалённого человека принят за анонимный.
    [few] { $shown } звонка удалённых людей приняты за анонимные.
   *[other] { $shown } звонков удалённых людей приняты за анонимные.
  }
replay-trunks = Правила спрашивают о транках ({ $a }). С какого транка был прошлый звонок, не хранится, поэтому проверен каждый подходящий.
replay-moved = От какого правила к какому
replay-from = Сейчас
replay-to = С новой конфигурацией
replay-calls = Звонки
replay-differ = Иначе
replay-rows = Звонки, с которыми будет иначе
replay-call = Звонок
replay-change = Что меняется
replay-more = И ещё { $a }: их перечислят ringtag route --replay и API.
replay-no-rule = Без правила
replay-no-source = Номера нет ни у одного источника
replay-source = относится к { $a }
change-no-source = номер никуда не ведёт
change-no-rule = нет правила: пропущен
change-reject = отклоняется иначе
change-targets = звонит другим или иначе
change-tracking = отслеживается иначе
change-recording = записывается иначе
change-source = относится к другому источнику
change-found = номер куда-то ведёт
change-rule = другое правило, те же цели
